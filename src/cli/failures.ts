import { CanhazgpuError } from '../domain/errors.ts'
import type { Reason } from '../domain/operation/refusal.ts'
import { printableJson, shortened } from '../domain/text/text.ts'
import type { Warning } from '../domain/warnings.ts'
import { refusalDocument } from '../views/documents/refusal-document.ts'
import type { FailureDocument, WarningDocument } from '../views/schemas/failure.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'

export interface FailureOutput {
  readonly stderr: (text: string) => void
  readonly json: boolean
  readonly commandName: string | undefined
  /** Put before the message if the reader is on another host. */
  readonly host?: string | undefined
}

/** Whether a command line has `--json`. The rest of it may be invalid. */
export function asksForJson(args: readonly string[]): boolean {
  const dashes = args.indexOf('--')
  const words = dashes < 0 ? args : args.slice(0, dashes)
  return words.includes('--json') || words.includes('-j')
}

/** Where the failures of a command line are printed. */
export const failureOutput = (
  args: readonly string[],
  stderr: FailureOutput['stderr'],
  commandName: string | undefined,
  host?: string,
): FailureOutput => ({ stderr, json: asksForJson(args), commandName, host })

/** Prints a failure as text or JSON, and returns the exit status. No other code prints failures. */
export function printFailure(error: unknown, { stderr, json, commandName, host }: FailureOutput): number {
  const failure = error instanceof CanhazgpuError ? error : defect(error)
  const { code, reason } = failure
  const message = shortened(host === undefined ? failure.message : `${host}: ${failure.message}`, LONGEST)
  const hint = failure.hint === undefined ? undefined : shortened(failure.hint, LONGEST)
  if (json) {
    const facts = { ...(hint === undefined ? {} : { hint }), ...reasonField(reason) }
    const document: FailureDocument = { error: { code, message, ...facts } }
    stderr(`${printableJson(document)}\n`)
  } else {
    stderr(`Error: ${message}${hint === undefined ? '' : ` - ${hint}`}\n`)
  }
  return exitCodeOf(code, commandName)
}

/**
 * Prints that the output of a command could not be written, if the command has succeeded: what it did is done. Returns the
 * exit status.
 */
export function printLost(reason: string, status: number, output: FailureOutput): number {
  if (status !== EXIT.success) return status
  const hint = "the command itself has succeeded: see 'canhazgpu status'"
  return printFailure(
    new CanhazgpuError('failure', `The output cannot be written: ${reason}`, { hint }),
    output,
  )
}

/** The failure for an error that is a bug. Its stack goes only to the trace. */
function defect(cause: unknown): CanhazgpuError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new CanhazgpuError('internal', `this is a bug in canhazgpu: ${message}`, {
    hint: "please report it, with 'canhazgpu --version' and what CANHAZGPU_TRACE=stderr prints",
    cause,
  })
}

const reasonField = (reason: Reason | undefined) =>
  reason === undefined ? {} : { reason: refusalDocument(reason) }

/** The text of a warning on stderr. */
export function warningText({ code, message }: Warning, json: boolean): string {
  const shown = shortened(message, LONGEST)
  const document: WarningDocument = { warning: { code, message: shown } }
  return json ? `${printableJson(document)}\n` : `Warning: ${shown}\n`
}

/** Enough for the longest path; a typed word may have any length. */
const LONGEST = 5_000
