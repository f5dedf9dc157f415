import type { UsageAnswers, UsageQuestion, UsageQuestions } from '../../domain/ledger/usage-question.ts'
import { type UsageSource, usageHistory } from './usage-history.ts'
import { dailyUsage, reportUsage, usageTotals } from './usage-report.ts'

const ANSWERS: {
  readonly [Name in keyof UsageQuestions]: (
    source: UsageSource,
    question: UsageQuestion<Name>,
  ) => Promise<UsageAnswers[Name]>
} = {
  report: (source, { days }) => reportUsage(source, days),
  daily: (source, { days }) => dailyUsage(source, days),
  totals: (source, { days }) => usageTotals(source, days),
  audit: ({ store }, { most }) => store.audit(most),
  history: (source, { range, most }) => usageHistory(source, range, most),
}

export function usageAnswer<Name extends keyof UsageQuestions>(
  source: UsageSource,
  question: UsageQuestion<Name>,
): Promise<UsageAnswers[Name]> {
  return ANSWERS[question.kind](source, question)
}
