import { Command, CommanderError } from 'commander'
import { complete } from './complete.ts'
import type { Edge } from './edge.ts'
import { EXIT } from './exit-codes.ts'
import { asCanhazgpuError, tell } from './failures.ts'
import { formatHelp } from './help.ts'
import { type Invocation, withSettings } from './invocation.ts'
import { COMMANDS } from './registry.ts'

/** Parses and runs one command line (without the program's name); returns the exit status. */
export async function runProgram(args: readonly string[], edge: Edge): Promise<number> {
  const dashes = args.indexOf('--')
  const own = dashes < 0 ? args : args.slice(0, dashes)
  const commandName = own.find((arg) => COMMANDS.some(({ name }) => name === arg))
  const invocation: Invocation = {
    edge,
    commandLine: dashes < 0 ? null : args.slice(dashes + 1),
    status: EXIT.success,
  }
  try {
    const program = await programWith(invocation, (name) => name === commandName)
    await program.parseAsync([...own], { from: 'user' })
    return invocation.status
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.success
    return tell(asCanhazgpuError(error), { stderr: edge.stderr, json: own.includes('--json'), commandName })
  }
}

/** Prints what may stand in the place of the last of these words of a command line. */
export async function printCompletions(words: readonly string[], edge: Edge): Promise<number> {
  const program = await programWith({ edge, commandLine: null, status: EXIT.success }, () => true)
  const world = edge.world({ flags: {}, operands: [], commandLine: null })
  const gpuIds = async () => {
    const deps = await (await world).deps()
    return (await deps.store.read()).pool.gpus.map((gpu) => gpu.id)
  }
  const candidates = await complete(program, words, { gpuIds: () => gpuIds().catch(() => []) })
  edge.stdout(candidates.map((candidate) => `${candidate}\n`).join(''))
  return EXIT.success
}

/** The program with all its commands, of which only the chosen ones can be carried out. */
async function programWith(invocation: Invocation, chosen: (name: string) => boolean): Promise<Command> {
  const { edge } = invocation
  const program = new Command('canhazgpu')
    .usage('[OPTIONS] COMMAND [ARGS]...')
    .version(edge.version, '-V, --version', 'Show the version')
    .helpOption('-h, --help', 'Show this help')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: edge.stdout, writeErr: edge.stdout, outputError: () => {} })
    .configureHelp({ formatHelp })
  for (const { name, summary, add } of COMMANDS) {
    if (chosen(name)) await add(program, invocation)
    else program.command(name).description(summary)
  }
  return withSettings(program)
}
