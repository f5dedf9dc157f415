import { settle } from '../domain/ending.ts'
import { type Forecast, forecastLine } from '../domain/forecast.ts'
import { isPassedOver, isServable } from '../domain/line.ts'
import type { Millis, Pool, QueueEntry } from '../domain/model.ts'
import type { Deps } from './deps.ts'

/** One waiting request, as anyone may see it. */
export interface QueuePlace {
  /** Counted from 1. */
  readonly position: number
  readonly entry: QueueEntry
  readonly reason: WaitingReason
  readonly forecast: Forecast
}

/** Why it waits. `unanswered`: it could be served and does not come for it. */
export type WaitingReason =
  | { readonly kind: 'short'; readonly free: number }
  | { readonly kind: 'behind'; readonly position: number }
  | { readonly kind: 'next' }
  | { readonly kind: 'unanswered' }

export interface QueueOverview {
  readonly places: readonly QueuePlace[]
  readonly now: Millis
}

export async function queueOverview(deps: Pick<Deps, 'store' | 'alive'>): Promise<QueueOverview> {
  const { pool, moment } = await deps.store.read()
  return queuePlaces(settle(pool, moment, deps.alive).pool, moment.wall)
}

/** The line of a settled pool. */
export function queuePlaces(pool: Pool, now: Millis): QueueOverview {
  const forecasts = forecastLine(pool, now)
  const places = pool.queue.map((entry, index) => ({
    position: index + 1,
    entry,
    reason: reasonFor(pool, entry, now),
    forecast: forecasts.get(entry.id) ?? { kind: 'unknown' as const },
  }))
  return { places, now }
}

function reasonFor(pool: Pool, entry: QueueEntry, now: Millis): WaitingReason {
  if (isPassedOver(entry, now)) return { kind: 'unanswered' }
  if (isServable(pool, entry, now)) return { kind: 'next' }
  const alone = isServable({ ...pool, queue: [entry] }, entry, now)
  if (alone) return { kind: 'behind', position: pool.queue.indexOf(entry) }
  const held = new Set(pool.reservations.flatMap((reservation) => reservation.gpus))
  const wanted = entry.request.kind === 'ids' ? entry.request.ids : pool.gpus.map((gpu) => gpu.id)
  return { kind: 'short', free: wanted.filter((gpu) => !held.has(gpu)).length }
}
