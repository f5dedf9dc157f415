import type { Deps } from '../../app/deps.ts'
import { loadPool } from '../../app/stored-pool.ts'
import { unrecordedTimes, usageHistory } from '../../app/usage/usage-history.ts'
import { reportUsage } from '../../app/usage/usage-report.ts'
import { DailySums } from '../../domain/ledger/daily.ts'
import type { RecordedTime, TimeRange } from '../../domain/ledger/recorded.ts'
import type { HeldTime } from '../../domain/pool/model.ts'
import type { DailyDocument, HistoryDocument, ReportDocument } from '../schemas/usage.ts'
import { dailyDocument, dayStarts } from './daily-document.ts'
import { historyDocument, MOST_RECORDS } from './history-document.ts'
import { reportDocument } from './report-document.ts'

/** What can be asked of the history. Each answer may take seconds where there are millions of records. */
export type UsageQuestion =
  | { readonly kind: 'report'; readonly days: number }
  | { readonly kind: 'daily'; readonly days: number }
  | { readonly kind: 'history'; readonly range: TimeRange }

export async function usageAnswer(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
  question: UsageQuestion,
): Promise<ReportDocument | DailyDocument | HistoryDocument> {
  switch (question.kind) {
    case 'report':
      return reportDocument(await reportUsage(deps, question.days))
    case 'daily':
      return daily(deps, question.days)
    case 'history':
      return history(deps, question.range)
  }
}

async function daily(deps: Pick<Deps, 'store' | 'alive' | 'stopped'>, days: number): Promise<DailyDocument> {
  const { store } = deps
  const seen = await loadPool(store)
  const now = seen.moment.wall
  const starts = dayStarts(days, now)
  const range = { from: starts[0] ?? now, to: now }
  const sums = new DailySums(starts, now)
  await store.visitTimes(range, (time) => sums.add(time))
  const held = seen.pool.reservations.map(({ id }) => id)
  const { records } = await store.usage(range, held)
  for (const time of unrecordedTimes(seen, records, deps)) sums.add(recorded(time))
  return dailyDocument(sums.days)
}

const recorded = ({ owner, startedAt, endedAt }: HeldTime): RecordedTime => ({
  user: owner.shownName,
  account: owner.account,
  startedAt,
  endedAt,
})

async function history(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
  range: TimeRange,
): Promise<HistoryDocument> {
  const times = await usageHistory(deps, range, MOST_RECORDS)
  return historyDocument(range, times, await leftOut(deps, { range, shown: times.length }))
}

/** Counted only where the limit was reached. */
async function leftOut(
  { store }: Pick<Deps, 'store'>,
  { range, shown }: { readonly range: TimeRange; readonly shown: number },
): Promise<number> {
  if (shown < MOST_RECORDS) return 0
  let count = 0
  await store.visitTimes(range, () => count++)
  return Math.max(0, count - MOST_RECORDS)
}
