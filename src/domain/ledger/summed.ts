import type { UsageReport, UserUsage } from './report.ts'

type Counted = Omit<UserUsage, 'percentage' | 'uid'>

/** A report from the totals of days and hosts. An account is known by its name there, because uids differ by host. */
export function summedUsage(
  totals: Iterable<Counted>,
  { range, days }: Pick<UsageReport, 'range' | 'days'>,
): UsageReport {
  const sums = new Map<string, Counted>()
  for (const each of totals) {
    const key = JSON.stringify([each.user, each.account])
    const before = sums.get(key)
    sums.set(key, before === undefined ? each : added(before, each))
  }
  const all = [...sums.values()]
  const gpuHours = all.reduce((sum, user) => sum + user.gpuHours, 0)
  const users = all
    .map((user) => ({ ...user, percentage: gpuHours === 0 ? 0 : (100 * user.gpuHours) / gpuHours }))
    .sort((a, b) => b.gpuHours - a.gpuHours || (a.user < b.user ? -1 : 1))
  const total = all.reduce(added, { user: '', account: '', gpuHours: 0, runs: 0, manuals: 0 })
  const percentage = users.length === 0 ? 0 : 100
  return { range, days, users, total: { gpuHours, percentage, runs: total.runs, manuals: total.manuals } }
}

const added = (a: Counted, b: Counted): Counted => ({
  ...a,
  gpuHours: a.gpuHours + b.gpuHours,
  runs: a.runs + b.runs,
  manuals: a.manuals + b.manuals,
})
