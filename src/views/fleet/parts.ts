import { MOST_SNAPSHOT_CHARACTERS, SNAPSHOT_VERSION } from '../../domain/fleet/snapshot.ts'
import { DAY_MS } from '../../domain/ledger/day-sums.ts'
import type { DayTotals } from '../../domain/ledger/day-totals.ts'
import type { Overview } from '../../domain/observation/status.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { QueueOverview } from '../../domain/schedule/queue-places.ts'
import { queueDocument } from '../documents/queue-document.ts'
import { statusDocument, timestamp } from '../documents/status-document.ts'
import type { QueuePart, StatusPart, UsagePart } from '../schemas/fleet.ts'
import type { StatusDocument } from '../schemas/status.ts'

/** When the host publishes again although nothing changes; null: not. */
export type NextSign = Millis | null

interface Head {
  readonly version: typeof SNAPSHOT_VERSION
  readonly next_sign_seconds?: number
}

const head = (nextSign: NextSign): Head => ({
  version: SNAPSHOT_VERSION,
  ...(nextSign === null ? {} : { next_sign_seconds: Math.ceil(nextSign / 1000) }),
})

export function statusPart(overview: Overview, nextSign: NextSign): StatusPart {
  const gpus = statusDocument(overview).map(withoutProcesses)
  return { ...head(nextSign), waiting: overview.pool.queue.length, gpus }
}

/** They would be most of the text. `details` and `validation` say what matters. */
function withoutProcesses({ processes: _, ...gpu }: StatusDocument): StatusDocument {
  return gpu
}

export const queuePart = (overview: QueueOverview, nextSign: NextSign): QueuePart => ({
  ...head(nextSign),
  places: queueDocument(overview),
})

export const usagePart = (days: readonly DayTotals[], nextSign: NextSign): UsagePart => ({
  ...head(nextSign),
  days: days.map(({ day, users }) => ({
    date: timestamp(day * DAY_MS).slice(0, 10),
    users: users.map(({ user, account, gpuHours, runs, manuals }) => ({
      ...{ user, account, gpu_hours: Number(gpuHours.toFixed(4)), run: runs, manual: manuals },
    })),
  })),
})

/** The text of a part, shortened if it is too long for other hosts to read it. */
export const statusText = (part: StatusPart): string =>
  fitting(part, (long) => ({
    ...long,
    gpus: long.gpus.map(({ gpu_id, status, gpu_model }) => ({ gpu_id, status, gpu_model })),
  }))

/** The first places, the longest list that fits. */
export const queueText = (part: QueuePart): string =>
  fitting(part, ({ places, left_out = 0, ...long }) => {
    const kept = places.slice(0, Math.floor(places.length / 2))
    return { ...long, places: kept, left_out: left_out + places.length - kept.length }
  })

/** The last days. */
export const usageText = (part: UsagePart): string =>
  fitting(part, (long) => ({ ...long, days: long.days.slice(Math.ceil(long.days.length / 2)) }))

function fitting<Part>(part: Part, shorter: (part: Part) => Part): string {
  const text = JSON.stringify(part)
  // Other hosts limit the bytes.
  if (Buffer.byteLength(text) <= MOST_SNAPSHOT_CHARACTERS) return text
  const shortened = shorter(part)
  const next = JSON.stringify(shortened)
  return next.length < text.length ? fitting(shortened, shorter) : next
}
