import type { AuditRecord } from './audit.ts'
import type { DailyUsage } from './daily.ts'
import type { DayTotals } from './day-totals.ts'
import type { PastTime, TimeRange } from './recorded.ts'
import type { UsageReport } from './report.ts'

/** All questions about records, by name, with their parameters. */
export interface UsageQuestions {
  /** Usage of the last `days` times 24 hours. */
  readonly report: { readonly days: number }
  /** Usage of the last `days` calendar days, today included. */
  readonly daily: { readonly days: number }
  /** Usage of each of the last `days` days in UTC, today included. */
  readonly totals: { readonly days: number }
  /** At most `most` records, those that ended last. */
  readonly history: { readonly range: TimeRange; readonly most: number }
  /** What administrators changed: the last `most` records, newest first. */
  readonly audit: { readonly most: number }
}

export type UsageQuestion<Name extends keyof UsageQuestions = keyof UsageQuestions> = {
  readonly [Each in Name]: { readonly kind: Each } & UsageQuestions[Each]
}[Name]

export interface UsageAnswers {
  readonly report: UsageReport
  readonly daily: readonly DailyUsage[]
  readonly totals: readonly DayTotals[]
  readonly history: PastTimes
  readonly audit: readonly AuditRecord[]
}

export interface PastTimes {
  /** Oldest start first, current reservations included. */
  readonly times: readonly PastTime[]
  /** Number of records that were left out. */
  readonly leftOut: number
}
