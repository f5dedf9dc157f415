import type { TimeRange } from '../../domain/ledger/recorded.ts'
import type * as ledger from '../../domain/ledger/usage-question.ts'
import type { DailyDocument, HistoryDocument, ReportDocument } from '../schemas/usage.ts'
import { dailyDocument } from './daily-document.ts'
import { historyDocument, MOST_RECORDS } from './history-document.ts'
import { reportDocument } from './report-document.ts'

/** The questions about the history. An answer may take seconds if there are millions of records. */
export type UsageQuestion =
  | { readonly kind: 'report'; readonly days: number }
  | { readonly kind: 'daily'; readonly days: number }
  | { readonly kind: 'history'; readonly range: TimeRange }

/** The part of a pool service that answers the questions. */
export interface Ledger {
  usage<Name extends keyof ledger.UsageQuestions>(
    question: ledger.UsageQuestion<Name>,
  ): Promise<ledger.UsageAnswers[Name]>
}

export async function usageAnswer(
  pool: Ledger,
  question: UsageQuestion,
): Promise<ReportDocument | DailyDocument | HistoryDocument> {
  switch (question.kind) {
    case 'report':
      return reportDocument(await pool.usage(question))
    case 'daily':
      return dailyDocument(await pool.usage(question))
    case 'history': {
      const { times, leftOut } = await pool.usage({ ...question, most: MOST_RECORDS })
      return historyDocument(question.range, times, leftOut)
    }
  }
}
