import { CanhazgpuError } from '../domain/errors.ts'
import { printableJson } from '../domain/text/text.ts'
import type { Printed } from '../views/words/printed.ts'
import type { CommandSpec, Given, Operand } from './command-spec.ts'
import type { Context, Program } from './context.ts'
import { tell } from './failures.ts'
import type { Option } from './options/option.ts'

/** One command line being carried out. */
export interface Invocation {
  readonly program: Program
  /** The words after `--`; null without `--`. */
  readonly commandLine: readonly string[] | null
  /** The exit status so far. */
  status: number
}

interface CarryingOut<Values> {
  readonly name: string
  readonly given: Values
  readonly json: boolean
  readonly context: Context
  readonly invocation: Invocation
}

/** Runs the handler of a command and shows its result. */
export async function carryOut<Own extends readonly Option[], Result, Named extends Operand>(
  spec: CommandSpec<Own, Result, Named>,
  { name, given, json, context, invocation }: CarryingOut<Given<Own, Named>>,
): Promise<void> {
  const { stdout, stderr } = invocation.program
  const look = { ...stdout, color: stdout.color && !context.settings.noColor }
  const show = (result: Result): void => {
    const printed: Printed = json
      ? { stdout: `${printableJson(spec.json(result), 2)}\n` }
      : spec.text(result, look)
    if (printed.stdout !== undefined) stdout.write(printed.stdout)
    if (printed.stderr !== undefined) stderr.write(printed.stderr)
    const failure = spec.failure?.(result)
    if (failure !== undefined) {
      invocation.status = tell(failure, { stderr: stderr.write, json, commandName: name })
    }
  }
  const results = spec.follow?.(given, context) ?? null
  if (results === null) {
    const result = await spec.handle(given, context)
    show(result)
    return spec.stay?.(result)
  }
  if (!stdout.terminal) {
    throw new CanhazgpuError('usage', '--watch needs a terminal to draw on', {
      hint: `use '${name} --json' in scripts`,
    })
  }
  for await (const result of results) {
    stdout.write(CLEAR_SCREEN)
    show(result)
  }
}

const CLEAR_SCREEN = '\u001b[H\u001b[2J'
