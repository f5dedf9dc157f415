import { settle } from '../domain/ending.ts'
import { reportRange, runningTimes, type UsageReport, usageReport } from '../domain/report.ts'
import type { Deps } from './deps.ts'

/** Who used how much in the last `days` days, what is still running included. */
export async function reportUsage(deps: Pick<Deps, 'store' | 'alive'>, days: number): Promise<UsageReport> {
  const { pool, moment } = await deps.store.read()
  const range = reportRange(days, moment.wall)
  const settled = settle(pool, moment, deps.alive)
  const ended = await deps.store.history(range)
  const known = new Set(ended.map((record) => record.reservation))
  const overButUnwritten = settled.ended.filter((record) => !known.has(record.reservation))
  return usageReport([...ended, ...overButUnwritten, ...runningTimes(settled.pool, moment.wall)], range, days)
}
