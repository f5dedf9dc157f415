import { CanhazgpuError } from '../domain/errors.ts'
import type { LoadedCommand } from './command.ts'
import type { Program } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { failureOutput, printFailure, printLost } from './failures.ts'
import type { Invocation } from './invocation.ts'
import { helpText } from './options/help.ts'
import { type Option, option, readValue } from './options/option.ts'
import { nearest, type Parsed, parseWords, seeHelp } from './options/parse.ts'
import { settingOptions } from './options/settings.ts'
import { COMMANDS, OVERVIEW } from './registry.ts'

/** Parses and runs one command line (without the program's name); returns the exit status. */
export async function runProgram(args: readonly string[], program: Program): Promise<number> {
  const dashes = args.indexOf('--')
  const words = dashes < 0 ? args : args.slice(0, dashes)
  const commandLine = dashes < 0 ? null : args.slice(dashes + 1)
  const invocation: Invocation = { program, commandLine, status: EXIT.success }
  let commandName: string | undefined
  try {
    const before = parseWords(words, { options: programOptions, stopAtOperand: true })
    commandName = before.operands[0]
    await runCommand(before, invocation)
  } catch (error) {
    program.trace?.({ kind: 'error', during: commandName ?? 'the command line', error })
    return printFailure(error, failureOutput(args, program.stderr.write, commandName, program.host))
  }
  const { lost } = program.stdout
  if (lost === undefined) return invocation.status
  const output = failureOutput(args, program.stderr.write, commandName, program.host)
  return printLost(lost, invocation.status, output)
}

/** Settings may precede the command's name. The same settings after the name override them. */
async function runCommand(before: ReturnType<typeof parseWords>, invocation: Invocation): Promise<void> {
  const { stdout, stderr } = invocation.program
  const [name, ...words] = before.operands
  if (before.options.version === true) return stdout.write(`${invocation.program.version}\n`)
  if (before.options.help === true) return stdout.write(programHelp())
  if (name === 'help') return help(words, invocation)
  if (name === undefined) {
    // A script whose variable with the command is empty must fail, so only a person gets the overview.
    const isForPerson = stdout.terminal && invocation.commandLine === null
    if (isForPerson) return (await OVERVIEW.load()).run(before, invocation)
    stderr.write(programHelp())
    throw new CanhazgpuError('usage', 'Missing command', { hint: seeHelp() })
  }
  const entry = COMMANDS.find((each) => each.name === name)
  if (entry === undefined) throw unknownCommand(name)
  const command = await entry.load()
  const parsed = parseWords(words, {
    options: () => command.options,
    stopAtOperand: command.takesCommand,
    // `run --wait python train.py` lacks its `--`: 'python' is not meant as a duration.
    optionalValuesMayBeOperands: command.takesCommand && invocation.commandLine === null,
    command: name,
  })
  if (parsed.options.help === true) {
    return stdout.write(helpText({ ...command, summary: entry.summary }))
  }
  const options = { ...parseValues(before.options, command), ...parsed.options }
  await command.run({ ...parsed, options }, invocation)
}

/** `help` and `help COMMAND` are `--help` and `COMMAND --help`. */
async function help(
  [name, ...strays]: readonly string[],
  { program: { stdout } }: Invocation,
): Promise<void> {
  const [stray] = strays
  if (stray !== undefined) {
    throw new CanhazgpuError('usage', `Unexpected argument '${stray}'`, { hint: "see 'canhazgpu help'" })
  }
  if (name === undefined || name === '--help' || name === '-h') return stdout.write(programHelp())
  const entry = COMMANDS.find((each) => each.name === name)
  if (entry === undefined) throw unknownCommand(name)
  stdout.write(helpText({ ...(await entry.load()), summary: entry.summary }))
}

/** Reads the settings before the command's name. The command may have an option of the same name with its own kind. */
function parseValues(
  given: Parsed['options'],
  { options }: Pick<LoadedCommand, 'options'>,
): Parsed['options'] {
  const values: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    const option = options.find((each) => each.name === name)
    values[name] = option !== undefined && typeof value === 'string' ? readValue(option, value) : value
  }
  return values
}

/** The options that may precede the command's name. */
export function programOptions(): readonly Option[] {
  return [option('-V, -v, --version', 'Show the version'), ...settingOptions()]
}

function programHelp(): string {
  return helpText({ synopsis: '[OPTIONS] COMMAND [ARGS]...', commands: COMMANDS, options: programOptions() })
}

function unknownCommand(name: string): CanhazgpuError {
  const similar = nearest(
    name,
    COMMANDS.map((each) => each.name),
  )
  const guess = similar === undefined ? '' : ` (Did you mean ${similar}?)`
  return new CanhazgpuError('usage', `Unknown command '${name}'${guess}`, { hint: seeHelp() })
}
