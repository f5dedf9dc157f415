import type { CanhazgpuError } from '../errors.ts'
import { reservedUnits } from '../observation/allocation.ts'
import { type Obstacle, obstaclesIn, type Reading } from '../observation/obstacles.ts'
import { unknownReadings } from '../observation/readings.ts'
import { type Booked, nextBookings } from '../pool/bookings.ts'
import type { Millis, Pool, QueueEntry, UnitId } from '../pool/model.ts'
import type { StoppedCheck } from '../pool/process-check.ts'
import { wantedUnits } from '../pool/suitable.ts'
import { sizeOf } from './demand.ts'
import { type ExpectedStart, expectedStarts } from './expected-starts.ts'
import { isPassedOver, type ReachedLimit, type Standing, standings } from './startable.ts'

/** One waiting request, visible to every user. */
export interface QueuePlace {
  /** Counted from 1. */
  readonly position: number
  readonly entry: QueueEntry
  readonly reason: WaitingReason
  readonly forecast: ExpectedStart
}

/**
 * Why a request waits. `short`: too few units are free; `obstacles` are the unreserved units that cannot be granted.
 * `booked`: enough units are free, but bookings need some of them too soon.
 * `unanswered`: it can start and its process does not respond. `stopped`: a signal stopped its process. `over-limit`:
 * its account holds `used` units, and the limit of `scope` allows `most`.
 */
export type WaitingReason =
  | { readonly kind: 'short'; readonly free: number; readonly obstacles: readonly Obstacle[] }
  | { readonly kind: 'booked'; readonly booked: readonly Booked[] }
  | { readonly kind: 'behind'; readonly position: number }
  | { readonly kind: 'next' }
  | ({ readonly kind: 'over-limit' } & ReachedLimit)
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'stopped' }

export interface QueueOverview {
  readonly places: readonly QueuePlace[]
  readonly now: Millis
  /** Why the probe failed; GPUs without a reservation then count as unchecked. */
  readonly driverFailure?: CanhazgpuError
}

export interface QueueSource {
  readonly now: Millis
  readonly stopped: StoppedCheck
  /** Absent: there is no reading, so no GPU is known to be free. */
  readonly reading?: Reading
}

/** The queue of a settled pool. */
export function queuePlaces(pool: Pool, source: QueueSource): QueueOverview {
  const { now, stopped } = source
  const obstacles = obstaclesIn(pool, source.reading)
  const forecasts = expectedStarts(pool, { now, stopped, obstacles })
  // Without a reading no unit is known to be free.
  const evidence = source.reading?.evidence ?? {
    readings: unknownReadings(pool, 'not checked'),
    thresholdMb: 0,
  }
  const standing = standings(pool, { now, stopped, evidence })
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
    case 'over-limit':
      return standing
    default: {
      const wanted = wantedUnits(pool, entry.request)
      const supply = supplyOf(pool, wanted, obstacles)
      const booked = [...nextBookings(pool).values()].filter(({ unit }) => wanted.includes(unit))
      const isShort = supply.free < sizeOf(entry.request) || booked.length === 0
      return isShort ? { kind: 'short', ...supply } : { kind: 'booked', booked }
    }
  }
}

interface Reasons extends QueueSource {
  readonly obstacles: readonly Obstacle[]
  readonly standing: Standing | undefined
}

/** The number of free units among these, and the obstacles on the others that are not reserved. */
export function supplyOf(pool: Pool, units: readonly UnitId[], obstacles: readonly Obstacle[]) {
  const reserved = reservedUnits(pool)
  const relevant = obstacles.filter(({ unit }) => units.includes(unit))
  const unusable = new Set(relevant.map(({ unit }) => unit))
  const free = units.filter((unit) => !reserved.has(unit) && !unusable.has(unit)).length
  return { free, obstacles: relevant }
}
