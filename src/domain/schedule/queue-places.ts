import type { CanhazgpuError } from '../errors.ts'
import { reservedUnits } from '../observation/allocation.ts'
import { type Obstacle, obstaclesIn, type Reading } from '../observation/obstacles.ts'
import { unknownUsage } from '../observation/usage.ts'
import type { Millis, Pool, QueueEntry, UnitId } from '../pool/model.ts'
import type { StoppedCheck } from '../pool/process-check.ts'
import { wantedUnits } from './demand.ts'
import { type ExpectedStart, expectedStarts } from './expected-starts.ts'
import { isPassedOver, type Standing, standings } from './startable.ts'

/** One waiting request, as anyone may see it. */
export interface QueuePlace {
  /** Counted from 1. */
  readonly position: number
  readonly entry: QueueEntry
  readonly reason: WaitingReason
  readonly forecast: ExpectedStart
}

/**
 * Why it waits. `short`: by what is free, and what is not although nobody reserved it. `unanswered`: it could be
 * served and does not come for it. `stopped`: by a signal.
 */
export type WaitingReason =
  | { readonly kind: 'short'; readonly free: number; readonly obstacles: readonly Obstacle[] }
  | { readonly kind: 'behind'; readonly position: number }
  | { readonly kind: 'next' }
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'stopped' }

export interface QueueOverview {
  readonly places: readonly QueuePlace[]
  readonly now: Millis
  /** Why the driver could not be asked; GPUs without a reservation then count as unchecked. */
  readonly driverFailure?: CanhazgpuError
}

export interface QueueSource {
  readonly now: Millis
  readonly stopped: StoppedCheck
  /** Absent: the driver was not seen, so no GPU is known to be free. */
  readonly reading?: Reading
}

/** The queue of a settled pool. */
export function queuePlaces(pool: Pool, source: QueueSource): QueueOverview {
  const { now, stopped } = source
  const obstacles = obstaclesIn(pool, source.reading)
  const forecasts = expectedStarts(pool, { now, stopped, obstacles })
  // Without a reading no unit is known to be free.
  const sight = source.reading?.sight ?? { usage: unknownUsage(pool, 'not checked'), thresholdMb: 0 }
  const standing = standings(pool, { now, stopped, sight })
  const places = pool.queue.map((entry, index) => ({
    position: index + 1,
    entry,
    reason: reasonFor(pool, entry, { ...source, obstacles, standing: standing.get(entry.id) }),
    forecast: forecasts.get(entry.id) ?? { kind: 'unknown' as const },
  }))
  return { places, now }
}

function reasonFor(
  pool: Pool,
  entry: QueueEntry,
  { now, stopped, obstacles, standing }: Reasons,
): WaitingReason {
  if (stopped(entry.process)) return { kind: 'stopped' }
  if (isPassedOver(entry, now)) return { kind: 'unanswered' }
  switch (standing?.kind) {
    case 'next':
      return { kind: 'next' }
    case 'behind':
      return { kind: 'behind', position: standing.place + 1 }
    default:
      return { kind: 'short', ...supplyOf(pool, wantedUnits(pool, entry.request), obstacles) }
  }
}

interface Reasons extends QueueSource {
  readonly obstacles: readonly Obstacle[]
  readonly standing: Standing | undefined
}

/** How many of these units are free, and why others of them are not although nobody reserved them. */
export function supplyOf(pool: Pool, units: readonly UnitId[], obstacles: readonly Obstacle[]) {
  const reserved = reservedUnits(pool)
  const inTheWay = obstacles.filter(({ unit }) => units.includes(unit))
  const unusable = new Set(inTheWay.map(({ unit }) => unit))
  const free = units.filter((unit) => !reserved.has(unit) && !unusable.has(unit)).length
  return { free, obstacles: inTheWay }
}
