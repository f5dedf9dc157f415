import { CanhazgpuError } from '../domain/errors.ts'
import { shortened } from '../domain/text/text.ts'
import { type CommandSpec, type Given, JSON_OPTION, type Operand } from './command-spec.ts'
import { execute, type Invocation } from './invocation.ts'
import { withDefaults } from './options/configured.ts'
import type { Option } from './options/option.ts'
import { checkMandatory, type Parsed, seeHelp } from './options/parse.ts'
import { settingOptions, typedLine } from './options/settings.ts'

export interface CommandName {
  readonly name: string
  readonly summary: string
}

/** A command with the name that the registry gives it. */
export interface LoadedCommand {
  readonly synopsis: string
  readonly examples: readonly string[]
  readonly options: readonly Option[]
  /** The options that only this command has. */
  readonly own: readonly Option[]
  readonly operand: Operand | undefined
  readonly takesCommand: boolean
  /** Runs the command and shows its result. */
  readonly run: (parsed: Parsed, invocation: Invocation) => Promise<void>
}

export interface Nameable {
  readonly named: (name: string) => LoadedCommand
}

/** Infers the handler's input type from the tables of options and the operand. */
export function command<const Own extends readonly Option[], Result, const Named extends Operand = never>(
  spec: CommandSpec<Own, Result, Named>,
): CommandSpec<Own, Result, Named> & Nameable {
  return { ...spec, named: (name) => loadedCommand(name, spec) }
}

function loadedCommand<Own extends readonly Option[], Result, Named extends Operand>(
  name: string,
  spec: CommandSpec<Own, Result, Named>,
): LoadedCommand {
  const { options: own, operand, takesCommand = false } = spec
  const operandSynopsis = operand === undefined ? '' : ` ${operand.placeholder}`
  const commandSynopsis = takesCommand ? ' -- COMMAND [ARGS]...' : ''
  return {
    synopsis: `${name} [OPTIONS]${operandSynopsis}${commandSynopsis}`,
    examples: spec.examples,
    get options() {
      return withShared(own)
    },
    own,
    operand,
    takesCommand,
    run: async (parsed, invocation) => {
      const { program, commandLine } = invocation
      checkOperands({ name, operand, takesCommand, own }, parsed.operands, commandLine)
      const context = await program.open(typedLine(parsed, commandLine, spec.examines === true))
      const { terminal } = program.stdout
      const given = withDefaults(parsed.options, { command: name, own, lookUp: context.lookUp, terminal })
      if (operand !== undefined) given[operand.name] = operandValue(operand, parsed)
      checkGiven(given, name, spec)
      await execute(spec, { name, given, json: given.json === true, context, invocation })
    },
  }
}

/** An option of the command replaces the shared one of the same name. */
function withShared(own: readonly Option[]): readonly Option[] {
  const flags = new Set(own.map(({ long }) => long))
  return [...own, JSON_OPTION, ...settingOptions().filter(({ long }) => !flags.has(long))]
}

function operandValue({ kind, placeholder, atMost }: Operand, { operands }: Parsed): unknown {
  const [text = ''] = operands
  return atMost === undefined
    ? kind.read(text, placeholder)
    : operands.map((word) => kind.read(word, placeholder))
}

/** Throws `usage` if a required option is missing. Values need no check: the `read` of each kind made them. */
function checkGiven<Own extends readonly Option[], Result, Named extends Operand>(
  given: Record<string, unknown>,
  command: string,
  { options }: CommandSpec<Own, Result, Named>,
): asserts given is Record<string, unknown> & Given<Own, Named> {
  checkMandatory(given, { options, command })
}

interface Expected {
  readonly name: string
  readonly operand: Operand | undefined
  readonly takesCommand: boolean
  readonly own: readonly Option[]
}

/** Throws `usage` for missing and unexpected words. Often the user forgot `--` before a command. */
function checkOperands(
  { name, operand, takesCommand, own }: Expected,
  operands: readonly string[],
  commandLine: readonly string[] | null,
): void {
  const refuse = (what: string, hint: string): never => {
    throw new CanhazgpuError('usage', what, { hint })
  }
  if (takesCommand) {
    const example = `use for example: canhazgpu ${name} --gpus 1 -- python train.py`
    if (commandLine === null) refuse("Missing '--' before the command", separated(name, operands) ?? example)
    if (commandLine?.length === 0) refuse("Missing command after '--'", example)
  } else if (commandLine !== null) {
    refuse(`'${name}' takes no command after '--'`, seeHelp(name))
  }
  const isRequired = operand !== undefined && operand.atMost === undefined
  if (isRequired && operands.length === 0) refuse(`Missing ${operand.placeholder}`, seeHelp(name))
  const stray = operands[operand === undefined ? 0 : (operand.atMost ?? 1)]
  if (stray !== undefined) refuse(`Unexpected argument '${stray}'`, gpuIdsHint(stray, own) ?? seeHelp(name))
}

/** For numbers that are probably ids of GPUs. */
function gpuIdsHint(stray: string, own: readonly Option[]): string | undefined {
  const takesIds = own.some(({ long }) => long === '--gpu-ids')
  return takesIds && /^[\d,-]{1,40}$/.test(stray) ? `use '--gpu-ids ${stray}'` : undefined
}

const LONGEST_EXAMPLE = 200

/** The corrected command line; undefined without a command. */
function separated(name: string, operands: readonly string[]): string | undefined {
  if (operands.length === 0) return undefined
  return shortened(`write: canhazgpu ${name} [OPTIONS] -- ${operands.join(' ')}`, LONGEST_EXAMPLE)
}
