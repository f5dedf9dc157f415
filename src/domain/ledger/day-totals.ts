import type { UsageTally } from '../pool/model.ts'
import { DAY_MS } from './day-sums.ts'
import { type UserUsage, usageReport } from './report.ts'

/** The usage of one day. Reservations count on the day on which they began, so days can be added up. */
export interface DayTotals {
  /** Days since 1970 in UTC. */
  readonly day: number
  readonly users: readonly Omit<UserUsage, 'percentage'>[]
}

/** The totals of a day from what was held within it, and what was held at its first instant. */
export function dayTotals(
  day: number,
  within: readonly UsageTally[],
  atStart: readonly UsageTally[],
): DayTotals {
  const range = { from: day * DAY_MS, to: (day + 1) * DAY_MS }
  const begunBefore = atStart.map((tally) => ({ ...tally, ms: 0, reservations: -tally.reservations }))
  const { users } = usageReport([...within, ...begunBefore], range, 1)
  return { day, users: users.map(({ percentage: _, ...user }) => user) }
}
