import type { DailyUsage } from './daily.ts'
import type { PastTime, TimeRange } from './recorded.ts'
import type { UsageReport } from './report.ts'

/** What can be asked about the usage, as values: what each question needs to be told, by its name. */
export interface UsageQuestions {
  /** Of the last `days` times 24 hours. */
  readonly report: { readonly days: number }
  /** Of the last `days` days of the calendar, today included. */
  readonly daily: { readonly days: number }
  /** Of more than `most` records those that ended last. */
  readonly history: { readonly range: TimeRange; readonly most: number }
}

export type UsageQuestion<Name extends keyof UsageQuestions = keyof UsageQuestions> = {
  readonly [Each in Name]: { readonly kind: Each } & UsageQuestions[Each]
}[Name]

export interface UsageAnswers {
  readonly report: UsageReport
  readonly daily: readonly DailyUsage[]
  readonly history: PastTimes
}

export interface PastTimes {
  /** Oldest start first, what is still held included. */
  readonly times: readonly PastTime[]
  /** How many records were left out. */
  readonly leftOut: number
}
