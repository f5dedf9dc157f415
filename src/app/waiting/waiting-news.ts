import type { CanhazgpuError } from '../../domain/errors.ts'
import { type Obstacle, obstaclesIn, type Reading } from '../../domain/observation/obstacles.ts'
import type { Millis, Pool } from '../../domain/pool/model.ts'
import type { StoppedCheck } from '../../domain/pool/process-check.ts'
import { type ExpectedStart, expectedStarts } from '../../domain/schedule/expected-starts.ts'
import { supplyOf } from '../../domain/schedule/queue-places.ts'

/** Why, where and until when one waits. */
export interface WaitingNews {
  /** Counted from 1. */
  readonly position: number
  readonly length: number
  /** How many GPUs of the pool are free. */
  readonly free: number
  /** Why others cannot be granted although nobody reserved them. */
  readonly obstacles: readonly Obstacle[]
  /** Why the driver could not be asked at the last attempt. */
  readonly trouble?: CanhazgpuError
  readonly forecast: ExpectedStart
  readonly now: Millis
}

/** What is known at the time of the news, besides the pool. */
export interface NewsSource {
  readonly now: Millis
  readonly stopped: StoppedCheck
  /** What the driver showed at the last attempt to get the GPUs. */
  readonly reading: Reading | undefined
  readonly trouble: CanhazgpuError | undefined
}

/** The news for one that is in the queue; null for any other. */
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
