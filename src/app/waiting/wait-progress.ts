import type { CanhazgpuError } from '../../domain/errors.ts'
import { type Obstacle, obstaclesIn, type Reading } from '../../domain/observation/obstacles.ts'
import type { Millis, Pool, Request } from '../../domain/pool/model.ts'
import type { StoppedCheck } from '../../domain/pool/process-check.ts'
import { hasRequirements, wantedUnits } from '../../domain/pool/suitable.ts'
import { type ExpectedStart, expectedStarts } from '../../domain/schedule/expected-starts.ts'
import { supplyOf } from '../../domain/schedule/queue-places.ts'
import { limitsReached, type ReachedLimit } from '../../domain/schedule/startable.ts'

/** The position of a waiter, its expected start, and what it waits for. */
export interface WaitProgress {
  /** Counted from 1. */
  readonly position: number
  readonly length: number
  /** Number of free GPUs in the pool; with a type or memory, of those that suit. */
  readonly free: number
  /** Why other unreserved GPUs cannot be granted. */
  readonly obstacles: readonly Obstacle[]
  /** Why the last probe failed. */
  readonly driverFailure?: CanhazgpuError
  readonly forecast: ExpectedStart
  /** The limit that keeps the request from starting. */
  readonly limit?: ReachedLimit
  readonly now: Millis
}

/** The inputs of the progress besides the pool. */
export interface ProgressSource {
  readonly now: Millis
  readonly stopped: StoppedCheck
  /** The reading of the last probe. */
  readonly reading: Reading | undefined
  /** Why the last probe failed. */
  readonly driverFailure: CanhazgpuError | undefined
}

/** Null if the queue has no such entry. */
export function progressOf(id: string, pool: Pool, source: ProgressSource): WaitProgress | null {
  const { now, stopped, reading } = source
  const forecasts = expectedStarts(pool, { now, stopped, obstacles: obstaclesIn(pool, reading), only: id })
  return progressIn(pool, source, forecasts)(id)
}

/** As `progressOf` for any entry; the queue is planned only once. */
export function progressOfEach(pool: Pool, source: ProgressSource): (id: string) => WaitProgress | null {
  const { now, stopped, reading } = source
  const forecasts = expectedStarts(pool, { now, stopped, obstacles: obstaclesIn(pool, reading) })
  return progressIn(pool, source, forecasts)
}

function progressIn(
  pool: Pool,
  { now, reading, driverFailure }: ProgressSource,
  forecasts: ReadonlyMap<string, ExpectedStart>,
): (id: string) => WaitProgress | null {
  const places = new Map(pool.queue.map(({ id }, at) => [id, at + 1] as const))
  const obstacles = obstaclesIn(pool, reading)
  const units = pool.units.map(({ id }) => id)
  const supply = supplyOf(pool, units, obstacles)
  const supplyFor = (request: Request | undefined) =>
    request?.kind === 'count' && hasRequirements(request)
      ? supplyOf(pool, wantedUnits(pool, request), obstacles)
      : supply
  const limits = limitsReached(pool, now)
  return (id) => {
    const position = places.get(id)
    if (position === undefined) return null
    return {
      position,
      length: pool.queue.length,
      ...supplyFor(pool.queue[position - 1]?.request),
      ...(driverFailure === undefined ? {} : { driverFailure }),
      ...limitOn(limits.get(id)),
      forecast: forecasts.get(id) ?? { kind: 'unknown' },
      now,
    }
  }
}

const limitOn = (limit: ReachedLimit | undefined) => (limit === undefined ? {} : { limit })
