import { gpuNumber } from '../../domain/pool/units.ts'
import type { QueueOverview, QueuePlace, WaitingReason } from '../../domain/schedule/queue-places.ts'
import type { QueueDocument } from '../schemas/queue.ts'
import { requestWords } from '../words/request-words.ts'
import { reasonWords } from '../words/waiting-words.ts'
import { bookedDocument } from './booked-document.ts'
import { obstacleDocument } from './obstacle-document.ts'
import { sourceDocument } from './policy-document.ts'
import { requirementsDocument } from './requirements-document.ts'
import { definedOnly, timestamp, typeOf } from './status-document.ts'

export function queueDocument(overview: QueueOverview): readonly QueueDocument[] {
  return overview.places.map((place) => placeDocument(place, overview))
}

function placeDocument(
  { position, entry, reason, forecast }: QueuePlace,
  { now, driverFailure }: QueueOverview,
): QueueDocument {
  const { request } = entry
  return definedOnly({
    position,
    user: entry.owner.shownName,
    account: entry.owner.account.name,
    type: typeOf(entry.term.kind),
    request: requestWords(request),
    gpus: request.kind === 'count' ? request.count : request.ids.length,
    gpu_ids: request.kind === 'ids' ? request.ids.map(gpuNumber) : undefined,
    ...(request.kind === 'count' ? requirementsDocument(request) : {}),
    waiting_since: timestamp(entry.joinedAt),
    waiting_seconds: Math.max(0, Math.floor((now - entry.joinedAt) / 1000)),
    gives_up_at: entry.waitUntil === undefined ? undefined : timestamp(entry.waitUntil),
    reason: reasonWords(reason),
    reason_code: reason.kind,
    ...reasonFields(reason),
    driver_trouble: driverFailure?.message,
    driver_trouble_code: driverFailure?.code,
    earliest_start: forecast.kind === 'at' ? timestamp(forecast.at) : undefined,
    note: entry.note,
  })
}

function reasonFields(reason: WaitingReason) {
  switch (reason.kind) {
    case 'short': {
      const { free, obstacles } = reason
      return {
        free,
        ...(obstacles.length === 0 ? {} : { unavailable_gpus: obstacles.map(obstacleDocument) }),
      }
    }
    case 'booked':
      return { booked: reason.booked.map(bookedDocument) }
    case 'behind':
      return { behind_position: reason.position }
    case 'over-limit':
      return { used: reason.used, most: reason.most, ...sourceDocument(reason.scope) }
    default:
      return {}
  }
}
