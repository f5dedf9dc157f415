import type { TimeRange } from '../../domain/ledger/recorded.ts'
import { runningTimes } from '../../domain/ledger/report.ts'
import { settle } from '../../domain/operation/ending.ts'
import type { Account, HeldTime, Moment, Outcome, Pool } from '../../domain/pool/model.ts'
import type { ProcessCheck } from '../../domain/pool/process-check.ts'
import { compareUnits } from '../../domain/pool/units.ts'
import type { Deps } from '../deps.ts'
import { loadPool } from '../stored-pool.ts'

/** Who held which unit when; without an outcome it is still held. */
export interface PastTime extends HeldTime {
  readonly outcome?: Outcome
  readonly endedBy?: Account
}

/**
 * Everything held in the range, what is held still included, oldest start first. Of more than `most` records those
 * that ended last.
 */
export async function usageHistory(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
  range: TimeRange,
  most?: number,
): Promise<readonly PastTime[]> {
  const seen = await loadPool(deps.store)
  const recorded = await deps.store.history(range, most)
  return [...recorded, ...unrecordedTimes(seen, recorded, deps)]
    .filter((time) => time.endedAt >= range.from && time.startedAt <= range.to)
    .sort((a, b) => a.startedAt - b.startedAt || compareUnits(a.unit, b.unit))
}

/**
 * What is held now, and what is over without a record yet. What ended between the looks at pool and
 * history stands in both; the record counts.
 */
export function unrecordedTimes(
  { pool, moment }: { readonly pool: Pool; readonly moment: Moment },
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
      // A clock set back by less than a second is not healed: a start may lie after now, outside every range.
      startedAt: Math.min(time.startedAt, moment.wall),
      endedAt: Math.min(time.endedAt, moment.wall),
    }))
}

const keyOf = ({ reservation, unit }: HeldTime): string => `${reservation}/${unit}`
