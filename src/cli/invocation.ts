import type { Command } from 'commander'
import { CanhazgpuError } from '../domain/errors.ts'
import { SETTINGS, type Settings } from '../domain/settings.ts'
import type { CommandSpec, Printed } from './command.ts'
import type { Edge, Surroundings } from './edge.ts'
import { tell } from './failures.ts'

export interface CommandName {
  readonly name: string
  readonly summary: string
}

/** One command line being carried out. */
export interface Invocation {
  readonly edge: Edge
  /** What stands behind `--`, null where there is no `--`. */
  readonly commandLine: readonly string[] | null
  /** The exit status so far. */
  status: number
}

/** Adds a command to the program: its options, and what happens when it is typed. */
export function addCommand<Options, Result>(
  program: Command,
  { name, summary }: CommandName,
  { spec, invocation }: { readonly spec: CommandSpec<Options, Result>; readonly invocation: Invocation },
): void {
  const { edge, commandLine } = invocation
  const operands = spec.arguments === undefined ? '' : ` ${spec.arguments.usage}`
  const behindDashes = spec.takesCommand === true ? ' -- COMMAND [ARGS]...' : ''
  const command = program.command(name).description(summary).usage(`[OPTIONS]${operands}${behindDashes}`)
  spec.configure(command)
  withSettings(command.option('--json', 'Print JSON'))
  command.addHelpText(
    'after',
    ['', 'Examples:', ...spec.examples.map((example) => `  ${example}`)].join('\n'),
  )
  command.allowExcessArguments()
  // The options of a command that lacks its `--` are not ours to complain of.
  if (spec.takesCommand === true) command.passThroughOptions()
  command.action(async () => {
    refuseStrays({ ...spec, name }, command.args, commandLine)
    const options = { ...program.opts(), ...command.opts() }
    const world = await edge.world(surroundingsOf(options, command.args, commandLine))
    const json = options.json === true
    const show = (result: Result): void => {
      const printed: Printed = json
        ? { stdout: `${JSON.stringify(spec.json(result), null, 2)}\n` }
        : spec.text(result, edge.look.stdout)
      if (printed.stdout !== undefined) edge.stdout(printed.stdout)
      if (printed.stderr !== undefined) edge.stderr(printed.stderr)
      const failure = spec.failure?.(result)
      if (failure !== undefined)
        invocation.status = tell(failure, { stderr: edge.stderr, json, commandName: name })
    }
    const answers = spec.follow?.(options as Options, world) ?? null
    if (answers === null) {
      const result = await spec.handle(options as Options, world)
      show(result)
      return spec.stay?.(result, world)
    }
    if (!edge.look.stdout.terminal) {
      throw new CanhazgpuError('usage', '--watch needs a terminal to draw on', {
        hint: `use '${name} --json' in scripts`,
      })
    }
    for await (const result of answers) {
      edge.stdout(CLEAR_SCREEN)
      show(result)
    }
  })
}

const CLEAR_SCREEN = '\u001b[H\u001b[2J'

/** What stands where nothing may stand is most often a command without its `--`. */
function refuseStrays(
  spec: Pick<CommandName, 'name'> & Pick<CommandSpec<never, never>, 'takesCommand' | 'arguments'>,
  strays: readonly string[],
  commandLine: readonly string[] | null,
): void {
  const refuse = (what: string, hint: string): never => {
    throw new CanhazgpuError('usage', what, { hint })
  }
  const stray = strays[spec.arguments?.count ?? 0]
  const seeHelp = `see 'canhazgpu ${spec.name} --help'`
  if (spec.takesCommand === true) {
    const example = `use for example: canhazgpu ${spec.name} --gpus 1 -- python train.py`
    if (commandLine === null) refuse("Missing '--' before the command", example)
    if (commandLine?.length === 0) refuse("Missing command after '--'", example)
  } else if (commandLine !== null) {
    refuse(`'${spec.name}' takes no command after '--'`, seeHelp)
  }
  if (spec.arguments !== undefined && strays.length < spec.arguments.count) {
    refuse(`Missing ${spec.arguments.usage}`, seeHelp)
  }
  if (stray !== undefined) refuse(`Unexpected argument '${stray}'`, seeHelp)
}

/** Settings may stand before or after the command's name. */
export function withSettings(command: Command): Command {
  command.option('--config <file>', 'Configuration file (default: ~/.canhazgpu.yaml)')
  for (const setting of Object.values(SETTINGS).filter(({ flag }) => flag)) {
    command.option(`--${setting.key} <value>`, `${setting.describe} (default: ${setting.show})`)
  }
  return command
}

function surroundingsOf(
  options: Readonly<Record<string, unknown>>,
  operands: readonly string[],
  commandLine: readonly string[] | null,
): Surroundings {
  const text = (name: string): string | undefined => {
    const value = options[name]
    return typeof value === 'string' ? value : undefined
  }
  const names = Object.keys(SETTINGS) as (keyof Settings)[]
  const given = names.flatMap((name) => {
    const value = text(name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const configFile = text('config')
  return {
    flags: Object.fromEntries(given),
    operands,
    commandLine,
    ...(configFile === undefined ? {} : { configFile }),
  }
}
