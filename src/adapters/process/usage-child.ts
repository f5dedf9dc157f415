import { CanhazgpuError, type ErrorCode } from '../../domain/errors.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { selfCommand } from './self.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** A million records take two seconds. */
const DEADLINE_MS: Millis = 30_000
/** The exit status with which `src/entries/child-answer.ts` marks the output as a failure. */
const FAILED = 3

/** Asks a child process a question about the history of a store. The answer is JSON. */
export function askUsageChild(store: string, question: object): Promise<string> {
  return answerOf(['__usage', store, JSON.stringify(question)], process.env)
}

/** The same for the pool of a daemon, which starts the child in an environment of its own. */
export function askHistoryChild(database: string, question: object): Promise<string> {
  const { TZ } = process.env
  return answerOf(['__history', database, JSON.stringify(question)], TZ === undefined ? {} : { TZ })
}

async function answerOf(args: readonly string[], env: Environment): Promise<string> {
  const child = start(args, env)
  const text = await new Response(child.stdout).text()
  const status = await child.exited
  if (status === 0) return text
  if (status === FAILED) {
    const { code, message, hint } = JSON.parse(text) as { code: ErrorCode; message: string; hint?: string }
    throw new CanhazgpuError(code, message, hint === undefined ? {} : { hint })
  }
  if (child.signalCode === null) throw new Error(`${args[0]} ended with status ${status}`)
  const reason = 'it took longer than 30 s, or too much memory'
  throw new CanhazgpuError('store-unavailable', `Reading the history was stopped: ${reason}`, {
    hint: 'ask for a shorter period',
  })
}

function start(args: readonly string[], env: Environment) {
  try {
    return Bun.spawn(selfCommand(args), {
      ...{ env: { ...env }, cwd: '/', stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' },
      ...{ timeout: DEADLINE_MS, killSignal: 'SIGKILL' },
    })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CanhazgpuError('failure', `The history cannot be read: no process can be started (${reason})`, {
      hint: 'check the limits of processes (ulimit -u) and of open files (ulimit -n)',
      cause,
    })
  }
}
