import { Command, CommanderError, type Help } from 'commander'
import { CanhazgpuError } from '../domain/errors.ts'
import { SETTINGS, type Settings } from '../domain/settings.ts'
import type { CommandSpec, Look, Printed } from './command.ts'
import { admin } from './commands/admin.ts'
import { completion } from './commands/completion.ts'
import { extend } from './commands/extend.ts'
import { queue } from './commands/queue.ts'
import { release } from './commands/release.ts'
import { report } from './commands/report.ts'
import { reserve } from './commands/reserve.ts'
import { run } from './commands/run.ts'
import { status } from './commands/status.ts'
import { complete } from './complete.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import type { World } from './world.ts'

/** What the command line says of its surroundings. */
export interface Surroundings {
  readonly flags: Readonly<Partial<Record<keyof Settings, string>>>
  readonly configFile?: string
  readonly operands: readonly string[]
  readonly commandLine: readonly string[] | null
}

/** The edge of the program: where it prints, and how it reaches the machine. */
export interface Edge {
  readonly version: string
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly look: { readonly stdout: Look; readonly stderr: Look }
  readonly world: (surroundings: Surroundings) => Promise<World>
}

/** Prints what may stand in the place of the last of these words of a command line. */
export async function printCompletions(words: readonly string[], edge: Edge): Promise<number> {
  const program = buildProgram({ edge, commandLine: null, status: EXIT.success })
  const world = edge.world({ flags: {}, operands: [], commandLine: null })
  const gpuIds = async () => {
    const deps = await (await world).deps()
    return (await deps.store.read()).pool.gpus.map((gpu) => gpu.id)
  }
  const candidates = await complete(program, words, { gpuIds: () => gpuIds().catch(() => []) })
  edge.stdout(candidates.map((candidate) => `${candidate}\n`).join(''))
  return EXIT.success
}

/** Parses and runs one command line (without the program's name); returns the exit status. */
export async function runProgram(args: readonly string[], edge: Edge): Promise<number> {
  const dashes = args.indexOf('--')
  const own = dashes < 0 ? args : args.slice(0, dashes)
  const invocation: Invocation = {
    edge,
    commandLine: dashes < 0 ? null : args.slice(dashes + 1),
    status: EXIT.success,
  }
  const program = buildProgram(invocation)
  const commandName = own.find((arg) => program.commands.some((command) => command.name() === arg))
  try {
    await program.parseAsync([...own], { from: 'user' })
    return invocation.status
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.success
    return tell(asCanhazgpuError(error), { edge, json: own.includes('--json'), commandName })
  }
}

interface Invocation {
  readonly edge: Edge
  readonly commandLine: readonly string[] | null
  status: number
}

function buildProgram(invocation: Invocation): Command {
  const { edge } = invocation
  const program = new Command('canhazgpu')
    .usage('[OPTIONS] COMMAND [ARGS]...')
    .version(edge.version, '-V, --version', 'Show the version')
    .helpOption('-h, --help', 'Show this help')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: edge.stdout, writeErr: edge.stdout, outputError: () => {} })
    .configureHelp({ formatHelp, subcommandTerm: (command) => command.name() })
  addCommand(program, admin, invocation)
  addCommand(program, completion, invocation)
  addCommand(program, extend, invocation)
  addCommand(program, queue, invocation)
  addCommand(program, release, invocation)
  addCommand(program, report, invocation)
  addCommand(program, reserve, invocation)
  addCommand(program, run, invocation)
  addCommand(program, status, invocation)
  return withSettings(program)
}

function addCommand<Options, Result>(
  program: Command,
  spec: CommandSpec<Options, Result>,
  invocation: Invocation,
): void {
  const { edge, commandLine } = invocation
  const operands = spec.arguments === undefined ? '' : ` ${spec.arguments.usage}`
  const behindDashes = spec.takesCommand === true ? ' -- COMMAND [ARGS]...' : ''
  const command = program
    .command(spec.name)
    .description(spec.summary)
    .usage(`[OPTIONS]${operands}${behindDashes}`)
  spec.configure(command)
  withSettings(command.option('--json', 'Print JSON'))
  command.addHelpText(
    'after',
    ['', 'Examples:', ...spec.examples.map((example) => `  ${example}`)].join('\n'),
  )
  command.allowExcessArguments().passThroughOptions()
  command.action(async () => {
    refuseStrays(spec, command.args, commandLine)
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
      if (failure !== undefined) invocation.status = tell(failure, { edge, json, commandName: spec.name })
    }
    const answers = spec.follow?.(options as Options, world) ?? null
    if (answers === null) return show(await spec.handle(options as Options, world))
    if (!edge.look.stdout.terminal) {
      throw new CanhazgpuError('usage', '--watch needs a terminal to draw on', {
        hint: `use '${spec.name} --json' in scripts`,
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
  spec: Pick<CommandSpec<never, never>, 'name' | 'takesCommand' | 'arguments'>,
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
function withSettings(command: Command): Command {
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

/** `Usage:` and the list of commands first, as people know them from other tools. */
function formatHelp(command: Command, helper: Help): string {
  const section = (title: string, items: readonly (readonly [string, string])[]): string[] => {
    if (items.length === 0) return []
    const width = Math.max(...items.map(([term]) => term.length))
    return ['', `${title}:`, ...items.map(([term, text]) => `  ${term.padEnd(width)}  ${text}`)]
  }
  const commands = helper.visibleCommands(command)
  const options = helper.visibleOptions(command)
  return [
    `Usage: ${helper.commandUsage(command)}`,
    ...(command.parent === null ? [] : ['', helper.commandDescription(command)]),
    ...section(
      'Commands',
      commands.map((each) => [each.name(), each.description()] as const),
    ),
    ...section(
      'Options',
      options.map((option) => [helper.optionTerm(option), option.description] as const),
    ),
    '',
  ].join('\n')
}

interface Telling {
  readonly edge: Edge
  readonly json: boolean
  readonly commandName: string | undefined
}

/** The one place where a failure becomes words and an exit status. */
function tell(error: unknown, { edge, json, commandName }: Telling): number {
  if (!(error instanceof CanhazgpuError)) throw error
  const { code, message, hint } = error
  if (json) {
    edge.stderr(`${JSON.stringify({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })}\n`)
  } else {
    edge.stderr(`Error: ${message}${hint === undefined ? '' : ` - ${hint}`}\n`)
  }
  return exitCodeOf(code, commandName)
}

/** commander's own complaints, in our words. */
function asCanhazgpuError(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error
  if (error.code === 'commander.help') {
    return new CanhazgpuError('usage', 'Missing command', { hint: "see 'canhazgpu --help'" })
  }
  const said = error.message.replace(/^error: /, '').replaceAll('\n', ' ')
  return new CanhazgpuError('usage', said.charAt(0).toUpperCase() + said.slice(1), {
    hint: "see 'canhazgpu --help'",
    cause: error,
  })
}
