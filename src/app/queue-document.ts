import type { QueueOverview, QueuePlace, WaitingReason } from './queue-overview.ts'
import { definedOnly, timestamp } from './status-document.ts'

/** One waiting request in the JSON of `queue --json` and `/api/queue`. */
export interface QueueDocument {
  readonly position: number
  readonly user: string
  readonly account: string
  readonly type: 'RUN' | 'MANUAL'
  /** How many GPUs; or, in `gpu_ids`, which. */
  readonly gpus: number
  readonly gpu_ids?: readonly number[]
  readonly waiting_since: string
  readonly waiting_seconds: number
  readonly gives_up_at?: string
  readonly reason: string
  readonly earliest_start?: string
  readonly note?: string
}

export function queueDocument({ places, now }: QueueOverview): readonly QueueDocument[] {
  return places.map((place) => placeDocument(place, now))
}

function placeDocument({ position, entry, reason, forecast }: QueuePlace, now: number): QueueDocument {
  const { request } = entry
  return definedOnly({
    position,
    user: entry.user,
    account: entry.account.name,
    type: entry.kind === 'run' ? ('RUN' as const) : ('MANUAL' as const),
    gpus: request.kind === 'count' ? request.count : request.ids.length,
    gpu_ids: request.kind === 'ids' ? request.ids : undefined,
    waiting_since: timestamp(entry.joinedAt),
    waiting_seconds: Math.max(0, Math.floor((now - entry.joinedAt) / 1000)),
    gives_up_at: entry.waitUntil === undefined ? undefined : timestamp(entry.waitUntil),
    reason: reasonWords(reason),
    earliest_start: forecast.kind === 'at' ? timestamp(forecast.at) : undefined,
    note: entry.note,
  })
}

export function reasonWords(reason: WaitingReason): string {
  switch (reason.kind) {
    case 'short':
      return `${reason.free} free`
    case 'behind':
      return `behind position ${reason.position}`
    case 'next':
      return 'next to be served'
    case 'unanswered':
      return 'does not come for its GPUs'
    case 'stopped':
      return 'stopped, does not count until it continues'
  }
}
