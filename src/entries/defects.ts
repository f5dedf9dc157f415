import { failureOutput, printFailure } from '../cli/failures.ts'
import { traceOf } from './trace.ts'

/** Reports an error that nothing caught; returns the exit status. */
export async function reportDefect(error: unknown, args: readonly string[]): Promise<number> {
  const stderr = (text: string) => void process.stderr.write(text)
  const trace = await traceOf(process.env, () => {})
  trace?.({ kind: 'error', during: 'uncaught', error })
  return printFailure(error, failureOutput(args, stderr, args[0]))
}
