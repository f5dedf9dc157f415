import { CanhazgpuError } from '../domain/errors.ts'
import { exitCodeOf } from './exit-codes.ts'

export interface Telling {
  readonly stderr: (text: string) => void
  readonly json: boolean
  readonly commandName: string | undefined
}

/** The one place where a failure becomes words and an exit status. */
export function tell(error: unknown, { stderr, json, commandName }: Telling): number {
  if (!(error instanceof CanhazgpuError)) throw error
  const { code, message, hint } = error
  if (json) {
    stderr(`${JSON.stringify({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })}\n`)
  } else {
    stderr(`Error: ${message}${hint === undefined ? '' : ` - ${hint}`}\n`)
  }
  return exitCodeOf(code, commandName)
}
