import { CanhazgpuError, type ErrorCode } from '../domain/errors.ts'
import type { Millis } from '../domain/model.ts'
import { selfCommand } from './os/self.ts'

/** A million records take two seconds. */
const DEADLINE_MS: Millis = 30_000
/** The status by which `src/usage-child.ts` says that its output is a failure. */
const FAILED = 3

/** Has a child answer a question about the history of a store; the answer is JSON. */
export async function usageOfChild(store: string, question: object): Promise<string> {
  const child = Bun.spawn(selfCommand(['__usage', store, JSON.stringify(question)]), {
    cwd: '/',
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  })
  const text = await new Response(child.stdout).text()
  const status = await child.exited
  if (status === 0) return text
  if (status === FAILED) {
    const { code, message, hint } = JSON.parse(text) as { code: ErrorCode; message: string; hint?: string }
    throw new CanhazgpuError(code, message, hint === undefined ? {} : { hint })
  }
  if (child.signalCode === null) throw new Error(`__usage ended with status ${status}`)
  throw new CanhazgpuError('store-unavailable', 'Reading the history took too long and was stopped', {
    hint: 'ask for a shorter period',
  })
}
