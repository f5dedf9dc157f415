import { currentAccount } from '../adapters/accounts/account.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { checksInDecision } from '../adapters/kernel/processes.ts'
import { writeText } from '../adapters/process/terminal.ts'
import { openStore } from '../adapters/store/open.ts'
import { LocalPool } from '../app/local-pool.ts'
import { type UsageQuestion, usageAnswer } from '../views/documents/usage-answer.ts'
import { printAnswer } from './child-answer.ts'
import { traceOf } from './trace.ts'

/**
 * Answers one question about the history, as JSON: `canhazgpu __usage <store> <question>`. The dashboard
 * runs it as a child, so reading millions of records neither blocks the dashboard nor leaves its memory in use.
 */
export async function usageMain(storeUrl: string, text: string): Promise<number> {
  const question = decodeQuestion(text)
  if (question === null) {
    writeText(2, "Error: __usage is only for 'canhazgpu web'\n")
    return WRONG_USAGE
  }
  return printAnswer(async () => {
    const store = await openStore(storeUrl, currentMoment, { upgrades: false })
    const processes = checksInDecision()
    const trace = await traceOf(process.env, () => {})
    const traced = trace === undefined ? {} : { trace }
    const pool = new LocalPool({ store, processes, actor: currentAccount, ...traced })
    const answer = await usageAnswer(pool, question)
    pool.close()
    return answer
  })
}

/** Null for a question that no dashboard asks. */
function decodeQuestion(text: string): UsageQuestion | null {
  try {
    const question = JSON.parse(text)
    return isQuestion(question) ? question : null
  } catch {
    return null
  }
}

function isQuestion({ kind, days, range }: Partial<Record<string, unknown>>): boolean {
  if (kind === 'report' || kind === 'daily') return Number.isSafeInteger(days)
  const { from, to } = (range ?? {}) as Partial<Record<string, unknown>>
  return kind === 'history' && [from, to].every(Number.isFinite)
}

const WRONG_USAGE = 2
