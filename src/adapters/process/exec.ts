import { CanhazgpuError } from '../../domain/errors.ts'
import type { Variables } from '../../domain/observation/device-variables.ts'
import type { ByteText } from '../kernel/libc.ts'
import * as libc from '../kernel/libc.ts'
import { readLink } from '../kernel/procfs.ts'
import { fromByteText, inheritedEnvironment, typedArguments, variable, withVariables } from './environment.ts'
import { type Inherited, restoreInherited } from './inherited.ts'

/** A program on disk and the arguments it gets, its name first. */
export interface Command {
  readonly program: ByteText
  readonly args: readonly ByteText[]
}

/** confstr(_CS_PATH): where execvp(3) looks when there is no PATH. */
const DEFAULT_PATH = '/bin:/usr/bin'

/**
 * The command made of our own last `count` arguments, byte for byte, found by our own PATH. Throws
 * `command-not-found` or `command-not-executable`.
 */
export function typedCommand(count: number): Command {
  const args = typedArguments(count)
  const [name] = args
  if (name === undefined) throw new Error('a command has at least a name')
  return { program: resolveProgram(name, variable(inheritedEnvironment(), 'PATH')), args }
}

/**
 * The path under which execvp(3) would find the program: a name with a slash is one already; an empty
 * element of `path` is the current directory; what is there but is no program is passed over, and remembered
 * for the error. (A directory that may not be searched has nothing, as for bash.) Throws `command-not-found` or `command-not-executable`.
 */
export function resolveProgram(name: ByteText, path: ByteText | undefined): ByteText {
  let forbidden = false
  for (const candidate of candidates(name, path ?? DEFAULT_PATH)) {
    const failure = libc.access(candidate, libc.X_OK)
    // Only a directory can be followed by a slash.
    if (failure === 0 && !exists(`${candidate}/`)) return candidate
    forbidden ||= failure === 0 || (failure === -libc.EACCES && (candidate === name || exists(candidate)))
  }
  const shown = fromByteText(name)
  if (forbidden) throw new CanhazgpuError('command-not-executable', `command not executable: ${shown}`)
  throw new CanhazgpuError('command-not-found', `command not found: ${shown}`)
}

/**
 * Replaces this process by the command, in the state that `inherited` describes and with our environment
 * but for the variables of `set` (null removes one). Does not return; throws `command-not-found` or
 * `command-not-executable` with this process as it was.
 */
export function becomeCommand(
  command: Command & {
    readonly set: Variables
    readonly inherited: Inherited
  },
): never {
  const { program, args, inherited } = command
  const environment = withVariables(ownPathReplaced(program), command.set)
  const undo = restoreInherited(inherited)
  let failure = -libc.execve(program, args, environment)
  // A script without `#!`: execvp(3) and every shell give it to the shell.
  if (failure === libc.ENOEXEC)
    failure = -libc.execve('/bin/sh', ['/bin/sh', program, ...args.slice(1)], environment)
  undo()
  throw execFailure(program, failure)
}

const exists = (path: ByteText): boolean => libc.access(path, libc.F_OK) === 0

/** An empty name is found nowhere, not in every directory. */
function candidates(name: ByteText, path: ByteText): ByteText[] {
  if (name === '' || name.includes('/')) return [name]
  return path.split(':').map((directory) => `${directory === '' ? '.' : directory}/${name}`)
}

/** Shells put the path of what they start into `_`; where that is ours, the command shall find its own. */
function ownPathReplaced(program: ByteText): readonly ByteText[] {
  const environment = inheritedEnvironment()
  const value = variable(environment, '_')
  // An upgrade may have replaced our file while we waited.
  const ours = readLink('/proc/self/exe')?.replace(/ \(deleted\)$/, '')
  const pointsAtUs = value !== undefined && libc.realPath(fromByteText(value)) === ours
  return pointsAtUs
    ? environment.map((entry) => (entry === `_=${value}` ? `_=${program}` : entry))
    : environment
}

function execFailure(program: ByteText, errno: number): CanhazgpuError {
  const shown = fromByteText(program)
  if (errno !== libc.ENOENT)
    return new CanhazgpuError('command-not-executable', `cannot execute ${shown}: ${libc.errorText(errno)}`)
  return exists(program)
    ? new CanhazgpuError('command-not-executable', `cannot execute ${shown}: its interpreter does not exist`)
    : new CanhazgpuError('command-not-found', `command not found: ${shown}`)
}
