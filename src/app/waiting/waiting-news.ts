import type { CanhazgpuError } from '../../domain/errors.ts'
import { type Obstacle, obstaclesIn, type Reading } from '../../domain/observation/obstacles.ts'
import type { Millis, Pool } from '../../domain/pool/model.ts'
import type { StoppedCheck } from '../../domain/pool/process-check.ts'
import { type ExpectedStart, expectedStarts } from '../../domain/schedule/expected-starts.ts'
import { supplyOf } from '../../domain/schedule/queue-places.ts'

/** The reason, position and expected start of a waiter. */
export interface WaitingNews {
  /** Counted from 1. */
  readonly position: number
  readonly length: number
  /** Number of free GPUs in the pool. */
  readonly free: number
  /** Why other unreserved GPUs cannot be granted. */
  readonly obstacles: readonly Obstacle[]
  /** Why the last probe failed. */
  readonly trouble?: CanhazgpuError
  readonly forecast: ExpectedStart
  readonly now: Millis
}

/** The inputs of the news besides the pool. */
export interface NewsSource {
  readonly now: Millis
  readonly stopped: StoppedCheck
  /** The reading of the last probe. */
  readonly reading: Reading | undefined
  readonly trouble: CanhazgpuError | undefined
}

/** The news for a queue entry; null if the queue has no such entry. */
export function newsFor(id: string, pool: Pool, source: NewsSource): WaitingNews | null {
  const { now, stopped, reading, trouble } = source
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
    ...(trouble === undefined ? {} : { trouble }),
    forecast: expectedStarts(pool, { now, stopped, obstacles, only: id }).get(id) ?? { kind: 'unknown' },
    now,
  }
}
