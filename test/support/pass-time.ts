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
export async function passTime(pool: TestPool, ms: Millis): Promise<void> {
  if (inDaemonMode) await (pool as DaemonPool).killDaemon()
  forgeStoredPool(pool, (stored) => earlier(stored, ms))
  if (inDaemonMode) await (pool as DaemonPool).restart()
}

/** A jump of the wall clock moves all times of the pool; then the time of writing is moved on the steady clock too. */
function earlier(pool: Pool, ms: Millis): Pool {
  const { wall, steady } = pool.writtenAt
  const before = { wall: wall - ms, steady }
  return {
    ...followClock(pool, before),
    writtenAt: { wall: wall - ms, steady: { ...steady, ms: steady.ms - ms } },
  }
}
