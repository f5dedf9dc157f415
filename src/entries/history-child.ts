import { setPriority } from 'node:os'
import { currentAccount } from '../adapters/accounts/account.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { checksInDecision } from '../adapters/kernel/processes.ts'
import { openBesideDaemon } from '../adapters/store/open.ts'
import { LocalPool } from '../app/local-pool.ts'
import type { UsageQuestion } from '../domain/ledger/usage-question.ts'
import { printAnswer } from './child-answer.ts'

/** The `nice` value. */
const LOW_PRIORITY = 10

/**
 * Answers one question about the history of a daemon's pool, as JSON: `canhazgpu __history <database> <question>`. The
 * daemon runs it as a child, because reading many records would delay all other requests, also on a busy processor.
 */
export async function historyMain(database: string, text: string): Promise<number> {
  const question = JSON.parse(text) as UsageQuestion
  setPriority(LOW_PRIORITY)
  return printAnswer(async () => {
    const store = await openBesideDaemon(database, currentMoment)
    const processes = checksInDecision()
    const pool = new LocalPool({ store, processes, actor: currentAccount })
    const answer = await pool.usage(question)
    pool.close()
    return answer
  })
}
