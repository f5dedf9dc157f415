import { followClock } from '../../src/domain/pool/clock.ts'
import type { Millis, Pool } from '../../src/domain/pool/model.ts'
import type { DaemonPool } from './daemon.ts'
import { forgeStoredPool } from './database.ts'
import { inDaemonMode } from './needs.ts'
import type { TestPool } from './pool.ts'

/**
 * Lets time pass for the stored pool without waiting: all of its times become earlier, on both clocks. A daemon is
 * killed before, and started again.
 */
export const passTime = (pool: TestPool, ms: Millis): Promise<void> =>
  whileDown(pool, () => passStoredTime(pool, ms))

/**
 * The wall clock is set forward or back: the stored pool becomes what the other clock would have written. A daemon is
 * killed before, and started again.
 */
export const setWallClock = (pool: TestPool, by: Millis): Promise<void> =>
  whileDown(pool, () => forgeStoredPool(pool, (stored) => asOfClock(stored, by)))

/** Lets time pass for the stored pool; no daemon may run. */
export const passStoredTime = (pool: Pick<TestPool, 'database'>, ms: Millis): void =>
  forgeStoredPool(pool, (stored) => earlier(stored, ms))

async function whileDown(pool: TestPool, change: () => void): Promise<void> {
  if (inDaemonMode) await (pool as DaemonPool).killDaemon()
  change()
  if (inDaemonMode) await (pool as DaemonPool).restart()
}

/** A jump of the wall clock moves all times of the pool; then the time of writing is moved on the steady clock too. */
function earlier(pool: Pool, ms: Millis): Pool {
  const { wall, steady } = pool.writtenAt
  return {
    ...asOfClock(pool, ms),
    writtenAt: { wall: wall - ms, steady: { ...steady, ms: steady.ms - ms } },
  }
}

/** As written at the same moment with a wall clock that was behind by this time. */
function asOfClock(pool: Pool, behind: Millis): Pool {
  const { wall, steady } = pool.writtenAt
  const before = { wall: wall - behind, steady }
  return { ...followClock(pool, before), writtenAt: before }
}
