import { CanhazgpuError } from '../../domain/errors.ts'
import { type ShellLine, shellLineIn } from '../../domain/text/shell-line.ts'
import { shortened } from '../../domain/text/text.ts'

/** Adds a hint if the program was not found and the words are a shell command line. */
export function withShellHint(error: unknown, words: readonly string[]): unknown {
  if (!(error instanceof CanhazgpuError) || error.code !== 'command-not-found') return error
  const line = shellLineIn(words)
  if (line === undefined) return error
  return new CanhazgpuError(error.code, error.message, { hint: hintFor(line, words), cause: error })
}

function hintFor(line: ShellLine, words: readonly string[]): string {
  switch (line.kind) {
    case 'assignment':
      return `use env(1) to set a variable: run -- env ${shown(words.join(' '))}`
    case 'builtin':
      return `${line.name} is a shell builtin, not a program: run -- bash -c ${quoted(words.join(' '))}`
    case 'conda':
      return `activate it before canhazgpu, or use: run -- ${line.name} run -n ${shown(line.environment ?? 'ENV')} COMMAND`
    case 'quoted':
      return `${LINE_EXPECTED}: leave out the quotes, or use: run -- bash -c ${quoted(line.line)}`
  }
}

const LINE_EXPECTED = 'a program and its arguments are expected as separate words'

const LONGEST = 200

const shown = (text: string): string => shortened(text, LONGEST)

/** Quotes a text for a shell in single quotes. */
const quoted = (text: string): string => `'${shown(text).replaceAll("'", "'\\''")}'`
