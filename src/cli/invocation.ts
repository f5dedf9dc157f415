import { CanhazgpuError } from '../domain/errors.ts'
import { printableJson } from '../domain/text/text.ts'
import type { Printed } from '../views/words/printed.ts'
import type { CommandSpec, Given, Operand } from './command-spec.ts'
import type { Context, Program } from './context.ts'
import { printFailure } from './failures.ts'
import type { Option } from './options/option.ts'

/** The execution of one command line. */
export interface Invocation {
  readonly program: Program
  /** The words after `--`; null without `--`. */
  readonly commandLine: readonly string[] | null
  /** The exit status so far. */
  status: number
}

interface Execution<Values> {
  readonly name: string
  readonly given: Values
  readonly json: boolean
  readonly context: Context
  readonly invocation: Invocation
}

/** Runs the handler of a command and shows its result. */
export async function execute<Own extends readonly Option[], Result, Named extends Operand>(
  spec: CommandSpec<Own, Result, Named>,
  { name, given, json, context, invocation }: Execution<Given<Own, Named>>,
): Promise<void> {
  const { stdout, stderr } = invocation.program
  /** Returns the exit status. */
  const show = (result: Result, out: Streams): number => {
    const display = { ...stdout, color: stdout.color && !context.settings.noColor }
    const printed: Printed = json
      ? { stdout: `${printableJson(spec.json(result), 2)}\n` }
      : spec.text(result, display)
    if (printed.stdout !== undefined) out.stdout(printed.stdout)
    if (printed.stderr !== undefined) out.stderr(printed.stderr)
    const failure = spec.failure?.(result)
    if (failure === undefined) return invocation.status
    return printFailure(failure, { stderr: out.stderr, json, commandName: name })
  }
  const results = spec.follow?.(given, context) ?? null
  if (results === null) {
    const result = await spec.handle(given, context)
    invocation.status = show(result, { stdout: stdout.write, stderr: stderr.write })
    return spec.keepRunning?.(result)
  }
  if (!stdout.terminal) {
    throw new CanhazgpuError('usage', '--watch needs a terminal to draw on', {
      hint: `use '${name} --json' in scripts`,
    })
  }
  const [{ watch }, { watchHead }] = await Promise.all([
    import('./watch.ts'),
    import('../views/words/frame.ts'),
  ])
  const screen = await context.openScreen()
  await watch(results, screen, (result) => {
    const head = watchHead(context.hostname(), context.now(), screen.hasKeys)
    return () => {
      const texts = [`${head}\n\n`]
      const add = (text: string) => void texts.push(text)
      show(result, { stdout: add, stderr: add })
      return texts.join('')
    }
  })
}

/** The streams for a result. */
interface Streams {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
}
