import type { Shortage } from '../domain/acquisition.ts'
import { type Forecast, forecastLine } from '../domain/forecast.ts'
import type { Millis, Pool } from '../domain/model.ts'
import { placeIn } from './line-watch.ts'

/** Why, where and until when one waits. */
export interface WaitingNews {
  /** Counted from 1. */
  readonly position: number
  readonly length: number
  readonly free: number
  readonly occupied: number
  /** Why the driver could not be asked at the last attempt. */
  readonly trouble?: string
  readonly forecast: Forecast
  readonly now: Millis
}

/** What the last attempt to get the GPUs met with. */
export interface LastAttempt {
  readonly shortage: Shortage | undefined
  readonly trouble: string | undefined
}

/** The news for one who stands in line. */
export function newsFor(
  id: string,
  pool: Pool,
  now: Millis,
  { shortage, trouble }: LastAttempt,
): WaitingNews {
  const held = new Set(pool.reservations.flatMap((reservation) => reservation.gpus)).size
  const occupied = shortage?.occupied ?? 0
  return {
    position: placeIn(pool, id) + 1,
    length: pool.queue.length,
    free: Math.max(0, pool.gpus.length - held - occupied),
    occupied,
    ...(trouble === undefined ? {} : { trouble }),
    forecast: forecastLine(pool, now).get(id) ?? { kind: 'unknown' },
    now,
  }
}
