import { reportRange, tallied, type UsageReport, usageReport } from '../../domain/ledger/report.ts'
import type { Deps } from '../deps.ts'
import { loadPool } from '../stored-pool.ts'
import { unrecordedTimes } from './usage-history.ts'

/** Who used how much in the last `days` days, what is still running included. */
export async function reportUsage(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
  days: number,
): Promise<UsageReport> {
  const seen = await loadPool(deps.store)
  const range = reportRange(days, seen.moment.wall)
  const held = seen.pool.reservations.map((reservation) => reservation.id)
  const recorded = await deps.store.usage(range, held)
  const unrecorded = tallied(
    unrecordedTimes(seen, recorded.records, deps),
    range,
    // Some of its GPUs were released before the others.
    recorded.records.map((record) => record.reservation),
  )
  return usageReport([...recorded.tallies, ...unrecorded], range, days)
}
