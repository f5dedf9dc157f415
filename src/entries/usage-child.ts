import { currentAccount } from '../adapters/accounts/account.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { livenessInDecision, stoppedInDecision } from '../adapters/kernel/processes.ts'
import { writeText } from '../adapters/process/terminal.ts'
import { openStore } from '../adapters/store/open.ts'
import { LocalPool } from '../app/local-pool.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { type UsageQuestion, usageAnswer } from '../views/documents/usage-answer.ts'
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
  try {
    const store = await openStore(storeUrl, currentMoment)
    const processes = { alive: livenessInDecision(), stopped: stoppedInDecision() }
    const trace = await traceOf(process.env, () => {})
    const traced = trace === undefined ? {} : { trace }
    const pool = new LocalPool({ store, processes, actor: currentAccount, ...traced })
    await Bun.write(Bun.stdout, JSON.stringify(await usageAnswer(pool, question)))
    pool.close()
    return 0
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    const { code, message, hint } = error
    await Bun.write(Bun.stdout, JSON.stringify({ code, message, hint }))
    return FAILED
  }
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

/** Every other exit status, except 0, is a bug. */
const FAILED = 3
const WRONG_USAGE = 2
