import { reportRange, type UsageReport, usageReport } from '../domain/report.ts'
import type { Deps } from './deps.ts'
import { pastTimes } from './usage-history.ts'

/** Who used how much in the last `days` days, what is still running included. */
export async function reportUsage(deps: Pick<Deps, 'store' | 'alive'>, days: number): Promise<UsageReport> {
  const { past, range } = await pastTimes(deps, (now) => reportRange(days, now))
  return usageReport(past, range, days)
}
