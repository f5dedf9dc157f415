import { CanhazgpuError } from '../domain/errors.ts'
import { SETTINGS, type Settings } from '../domain/settings.ts'
import { printableJson } from '../domain/text/text.ts'
import type { Printed } from '../views/words/printed.ts'
import type { CommandSpec } from './command.ts'
import type { Edge, Surroundings } from './edge.ts'
import { tell } from './failures.ts'
import { completed } from './options/configured.ts'
import { type Option, option } from './options/option.ts'
import { checkMandatory, type Parsed } from './options/parse.ts'
import type { World } from './world.ts'

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

/** A command ready to be carried out. */
export interface LoadedCommand {
  readonly usage: string
  readonly examples: readonly string[]
  readonly options: readonly Option[]
  /** Those of `options` that only this command has. */
  readonly own: readonly Option[]
  readonly takesCommand: boolean
  /** Carries it out and shows the answer. */
  readonly run: (parsed: Parsed, invocation: Invocation) => Promise<void>
}

export function loadedCommand<Options, Result>(
  name: string,
  spec: CommandSpec<Options, Result>,
): LoadedCommand {
  const operands = spec.arguments === undefined ? '' : ` ${spec.arguments.usage}`
  const behindDashes = spec.takesCommand === true ? ' -- COMMAND [ARGS]...' : ''
  const own = spec.options()
  const shared = settingOptions().filter(({ long }) => !own.some((each) => each.long === long))
  const options = [...own, option('-j, --json', 'Print JSON'), ...shared]
  return {
    usage: `${name} [OPTIONS]${operands}${behindDashes}`,
    examples: spec.examples,
    options,
    own,
    takesCommand: spec.takesCommand === true,
    run: async (parsed, invocation) => {
      refuseStrays({ ...spec, name }, parsed.operands, invocation.commandLine)
      const world = await invocation.edge.world(surroundingsOf(parsed, own, invocation.commandLine))
      const { terminal } = invocation.edge.look.stdout
      const chosen = completed(parsed.options, { command: name, own, lookUp: world.lookUp, terminal })
      checkMandatory(chosen, own)
      await carryOut(spec, {
        name,
        options: chosen as Options,
        json: chosen.json === true,
        world,
        invocation,
      })
    },
  }
}

interface CarryingOut<Options> {
  readonly name: string
  readonly options: Options
  readonly json: boolean
  readonly world: World
  readonly invocation: Invocation
}

async function carryOut<Options, Result>(
  spec: CommandSpec<Options, Result>,
  { name, options, json, world, invocation }: CarryingOut<Options>,
): Promise<void> {
  const { edge } = invocation
  const look = { ...edge.look.stdout, color: edge.look.stdout.color && !world.settings.noColor }
  const show = (result: Result): void => {
    const printed: Printed = json
      ? { stdout: `${printableJson(spec.json(result), 2)}\n` }
      : spec.text(result, look)
    if (printed.stdout !== undefined) edge.stdout(printed.stdout)
    if (printed.stderr !== undefined) edge.stderr(printed.stderr)
    const failure = spec.failure?.(result)
    if (failure !== undefined) {
      invocation.status = tell(failure, { stderr: edge.stderr, json, commandName: name })
    }
  }
  const answers = spec.follow?.(options, world) ?? null
  if (answers === null) {
    const result = await spec.handle(options, world)
    show(result)
    return spec.stay?.(result)
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
export function settingOptions(): readonly Option[] {
  const flags = Object.values(SETTINGS).filter(({ flag }) => flag)
  return [
    option('--config <file>', 'Configuration file (default: ~/.canhazgpu.yaml)'),
    ...flags.map(({ key, describe, show, isSwitch }) =>
      isSwitch === true
        ? option(`--${key}`, describe)
        : option(`--${key} <value>`, `${describe} (default: ${show})`),
    ),
    option('-h, --help', 'Show this help'),
  ]
}

function surroundingsOf(
  { options, operands }: Parsed,
  own: readonly Option[],
  commandLine: readonly string[] | null,
): Surroundings {
  const text = (name: string): string | undefined => {
    const value = options[name]
    return typeof value === 'string' || typeof value === 'boolean' ? String(value) : undefined
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
    json: options.json === true,
    waits: own.some(({ name }) => name === 'wait'),
    ...(configFile === undefined ? {} : { configFile }),
  }
}
