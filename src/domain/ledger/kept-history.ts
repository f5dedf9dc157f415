import type { Millis, Moment, Policy, Pool } from '../pool/model.ts'
import { DAY_MS } from './day-sums.ts'
import type { TimeRange } from './recorded.ts'

/** How long single records are kept, unless the policy sets another time. Their sums by day stay. */
export const DEFAULT_KEPT: Millis = 400 * DAY_MS

/** The dashboard shows 90 days from single records. */
export const LEAST_KEPT: Millis = 92 * DAY_MS

/** After a start of the system, a wrong clock is usually corrected within this time. */
const CLOCK_CORRECTED_AFTER: Millis = 3_600_000

/** After a longer pause, the clock may be wrong. */
const LONGEST_PAUSE: Millis = 31 * DAY_MS

/** The most days that one commit may pass, so that a wrong clock loses little: records cannot be restored. */
const MOST_AT_ONCE: Millis = 7 * DAY_MS

export const keptTime = ({ keepHistoryMs }: Pick<Policy, 'keepHistoryMs'>): Millis =>
  keepHistoryMs ?? DEFAULT_KEPT

/**
 * The pool after a commit that writes records: single records from before `keptFrom` are no longer read, and the store
 * removes them. `before` is the pool of the last commit.
 */
export function withHistoryKept(pool: Pool, before: Pool, now: Moment): Pool {
  const { keptFrom } = pool
  const end = dayStart(now.wall - keptTime(pool.policy))
  if (keptFrom !== undefined && end <= keptFrom) return pool
  // An administrator who sets the time has a right clock, or sees that it is wrong.
  if (keptTime(pool.policy) !== keptTime(before.policy)) return { ...pool, keptFrom: end }
  const pause = now.wall - before.writtenAt.wall
  if (now.steady.ms < CLOCK_CORRECTED_AFTER || pause > LONGEST_PAUSE) return pool
  return { ...pool, keptFrom: keptFrom === undefined ? end : Math.min(end, keptFrom + MOST_AT_ONCE) }
}

/** The range with whole days (UTC) where only their sums are known. */
export const withKnownDays = ({ from, to }: TimeRange, keptFrom: Millis | undefined): TimeRange => ({
  from: keptFrom !== undefined && from < keptFrom ? dayStart(from) : from,
  to,
})

const dayStart = (at: Millis): Millis => Math.floor(at / DAY_MS) * DAY_MS
