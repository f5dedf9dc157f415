import { DailySums, type DailyUsage, dayStarts } from '../../domain/ledger/daily.ts'
import { DAY_MS, dayOf } from '../../domain/ledger/day-sums.ts'
import { DayTotalSums, type DayTotals } from '../../domain/ledger/day-totals.ts'
import { withKnownDays } from '../../domain/ledger/kept-history.ts'
import type { RecordedTime } from '../../domain/ledger/recorded.ts'
import { reportRange, tallied, type UsageReport, usageReport } from '../../domain/ledger/report.ts'
import type { HeldTime } from '../../domain/pool/model.ts'
import { readPool } from '../read-pool.ts'
import { type UsageSource, unrecordedTimes } from './usage-history.ts'

/** The usage of each user in the last `days` days, current reservations included. */
export async function reportUsage({ store, processes }: UsageSource, days: number): Promise<UsageReport> {
  const seen = await readPool(store)
  const { keptFrom } = seen.pool
  const asked = reportRange(days, seen.moment.wall)
  const range = withKnownDays(asked, keptFrom)
  const held = seen.pool.reservations.map((reservation) => reservation.id)
  const recorded = await store.usage(range, held)
  const unrecorded = tallied(
    unrecordedTimes(seen, recorded.records, processes),
    range,
    // A reservation that released some of its GPUs is counted by their records.
    recorded.records.map((record) => record.reservation),
  )
  const report = usageReport([...recorded.tallies, ...unrecorded], range, days)
  return keptFrom !== undefined && asked.from < keptFrom ? { ...report, sumsUntil: keptFrom } : report
}

/** The usage of each of the last `days` days in UTC, current reservations included. */
export async function usageTotals(
  { store, processes }: UsageSource,
  days: number,
): Promise<readonly DayTotals[]> {
  const seen = await readPool(store)
  const now = seen.moment.wall
  const first = dayOf(now) - days + 1
  const range = { from: first * DAY_MS, to: now }
  const sums = new DayTotalSums(first, now)
  await store.visitTimes(range, (time) => sums.add(time))
  const held = seen.pool.reservations.map(({ id }) => id)
  const { records } = await store.usage(range, held)
  for (const time of unrecordedTimes(seen, records, processes)) {
    sums.add({ ...recorded(time), reservation: time.reservation, term: time.term })
  }
  return sums.totals
}

/** GPU hours per calendar day, current reservations included. */
export async function dailyUsage(
  { store, processes }: UsageSource,
  days: number,
): Promise<readonly DailyUsage[]> {
  const seen = await readPool(store)
  const now = seen.moment.wall
  const starts = dayStarts(days, now)
  const range = { from: starts[0] ?? now, to: now }
  const sums = new DailySums(starts, now)
  await store.visitTimes(range, (time) => sums.add(time))
  const held = seen.pool.reservations.map(({ id }) => id)
  const { records } = await store.usage(range, held)
  for (const time of unrecordedTimes(seen, records, processes)) sums.add(recorded(time))
  return sums.days
}

const recorded = ({ owner, startedAt, endedAt }: HeldTime): RecordedTime => ({
  user: owner.shownName,
  account: owner.account,
  startedAt,
  endedAt,
})
