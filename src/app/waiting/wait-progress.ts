import type { CanhazgpuError } from '../../domain/errors.ts'
import { type Obstacle, obstaclesIn, type Reading } from '../../domain/observation/obstacles.ts'
import type { Millis, Pool } from '../../domain/pool/model.ts'
import type { StoppedCheck } from '../../domain/pool/process-check.ts'
import { type ExpectedStart, expectedStarts } from '../../domain/schedule/expected-starts.ts'
import { supplyOf } from '../../domain/schedule/queue-places.ts'

/** The position of a waiter, its expected start, and what it waits for. */
export interface WaitProgress {
  /** Counted from 1. */
  readonly position: number
  readonly length: number
  /** Number of free GPUs in the pool. */
  readonly free: number
  /** Why other unreserved GPUs cannot be granted. */
  readonly obstacles: readonly Obstacle[]
  /** Why the last probe failed. */
  readonly driverFailure?: CanhazgpuError
  readonly forecast: ExpectedStart
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
  const { now, stopped, reading, driverFailure } = source
  const at = pool.queue.findIndex((entry) => entry.id === id)
  if (at < 0) return null
  const obstacles = obstaclesIn(pool, reading)
  return {
    position: at + 1,
    length: pool.queue.length,
    ...supplyOf(
      pool,
      pool.units.map(({ id }) => id),
      obstacles,
    ),
    ...(driverFailure === undefined ? {} : { driverFailure }),
    forecast: expectedStarts(pool, { now, stopped, obstacles, only: id }).get(id) ?? { kind: 'unknown' },
    now,
  }
}
