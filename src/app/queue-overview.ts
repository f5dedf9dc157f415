import { availabilityOf, reservedGpus } from '../domain/allocation.ts'
import { settle } from '../domain/ending.ts'
import { type Forecast, forecastLine } from '../domain/forecast.ts'
import { type Conditions, isPassedOver, isServable } from '../domain/line.ts'
import type { GpuId, Millis, Pool, QueueEntry } from '../domain/model.ts'
import type { Deps } from './deps.ts'

/** One waiting request, as anyone may see it. */
export interface QueuePlace {
  /** Counted from 1. */
  readonly position: number
  readonly entry: QueueEntry
  readonly reason: WaitingReason
  readonly forecast: Forecast
}

/** Why it waits. `unanswered`: it could be served and does not come for it. `stopped`: by a signal. */
export type WaitingReason =
  | { readonly kind: 'short'; readonly free: number }
  | { readonly kind: 'behind'; readonly position: number }
  | { readonly kind: 'next' }
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'stopped' }

export interface QueueOverview {
  readonly places: readonly QueuePlace[]
  readonly now: Millis
}

export async function queueOverview(deps: Pick<Deps, 'store' | 'alive' | 'stopped'>): Promise<QueueOverview> {
  const { pool, moment } = await deps.store.read()
  const { stopped } = deps
  return queuePlaces(settle(pool, moment, deps).pool, { now: moment.wall, stopped })
}

/** The line of a settled pool; with a sight of the driver GPUs that only seem free do not count as such. */
export function queuePlaces(pool: Pool, conditions: Conditions): QueueOverview {
  const { now } = conditions
  const forecasts = forecastLine(pool, now)
  const places = pool.queue.map((entry, index) => ({
    position: index + 1,
    entry,
    reason: reasonFor(pool, entry, conditions),
    forecast: forecasts.get(entry.id) ?? { kind: 'unknown' as const },
  }))
  return { places, now }
}

function reasonFor(pool: Pool, entry: QueueEntry, conditions: Conditions): WaitingReason {
  const { now, stopped, sight } = conditions
  if (stopped(entry.process)) return { kind: 'stopped' }
  if (isPassedOver(entry, now)) return { kind: 'unanswered' }
  if (isServable(pool, entry, conditions)) return { kind: 'next' }
  const alone = isServable({ ...pool, queue: [entry] }, entry, conditions)
  if (alone) return { kind: 'behind', position: pool.queue.indexOf(entry) }
  const availability = sight === undefined ? undefined : availabilityOf(pool, sight)
  const held = reservedGpus(pool)
  const isFree = (gpu: GpuId) =>
    availability === undefined ? !held.has(gpu) : availability.get(gpu) === 'free'
  const wanted = entry.request.kind === 'ids' ? entry.request.ids : pool.gpus.map((gpu) => gpu.id)
  return { kind: 'short', free: wanted.filter(isFree).length }
}
