import type { PastTime, TimeRange } from '../../domain/ledger/recorded.ts'
import { runningTimes } from '../../domain/ledger/report.ts'
import type { PastTimes } from '../../domain/ledger/usage-question.ts'
import { settle } from '../../domain/operation/ending.ts'
import type { HeldTime } from '../../domain/pool/model.ts'
import type { ProcessCheck } from '../../domain/pool/process-check.ts'
import { compareUnits } from '../../domain/pool/units.ts'
import type { Ledger } from '../../ports/ledger.ts'
import type { TimedPool } from '../../ports/pool-service.ts'
import type { Store } from '../../ports/store.ts'
import { readPool, type Source } from '../read-pool.ts'

/** The sources of usage. */
export interface UsageSource extends Source {
  readonly store: Store & Ledger
}

/** All held times in the range, current reservations included. */
export async function usageHistory(
  { store, processes }: UsageSource,
  range: TimeRange,
  most: number,
): Promise<PastTimes> {
  const seen = await readPool(store)
  const recorded = await store.history(range, most)
  const times = [...recorded, ...unrecordedTimes(seen, recorded, processes)]
    .filter((time) => time.endedAt >= range.from && time.startedAt <= range.to)
    .sort((a, b) => a.startedAt - b.startedAt || compareUnits(a.unit, b.unit))
  return { times, leftOut: recorded.length < most ? 0 : await leftOut({ store, range, most }) }
}

interface Counting {
  readonly store: Ledger
  readonly range: TimeRange
  readonly most: number
}

async function leftOut({ store, range, most }: Counting): Promise<number> {
  let count = 0
  await store.visitTimes(range, () => count++)
  return Math.max(0, count - most)
}

/**
 * Held times of current reservations, and of ended ones without a record. If a time ended between the reads of pool and
 * history, both have it, and only the record counts.
 */
export function unrecordedTimes(
  { pool, moment }: TimedPool,
  recorded: readonly HeldTime[],
  processes: ProcessCheck,
): readonly PastTime[] {
  const settled = settle(pool, moment, processes)
  const known = new Set(recorded.map(keyOf))
  const unrecorded = [...settled.ended, ...runningTimes(settled.pool, moment.wall)]
  return unrecorded
    .filter((time) => !known.has(keyOf(time)))
    .map((time) => ({
      ...time,
      // A clock that was set back by less than a second is not corrected. So a start may be later than now, outside every range.
      startedAt: Math.min(time.startedAt, moment.wall),
      endedAt: Math.min(time.endedAt, moment.wall),
    }))
}

const keyOf = ({ reservation, unit }: HeldTime): string => `${reservation}/${unit}`
