import { CanhazgpuError } from '../../domain/errors.ts'
import type { Variables } from '../../domain/observation/device-variables.ts'
import { EACCES, ENOENT, ENOEXEC } from '../kernel/libc/errno.ts'
import { errorText } from '../kernel/libc/library.ts'
import type { ByteText } from '../kernel/libc/memory.ts'
import { access, F_OK, realPath, X_OK } from '../kernel/libc/paths.ts'
import { execve } from '../kernel/libc/programs.ts'
import { readLink } from '../kernel/procfs.ts'
import { fromByteText, inheritedEnvironment, typedArguments, variable, withVariables } from './environment.ts'
import { type Inherited, restoreInherited } from './inherited.ts'

/** A program on disk and its arguments, its name first. */
export interface Command {
  readonly program: ByteText
  readonly args: readonly ByteText[]
}

/** confstr(_CS_PATH): the search path of execvp(3) without PATH. */
const DEFAULT_PATH = '/bin:/usr/bin'

/**
 * The command from our own last `count` arguments, byte for byte, found with our own PATH. Throws `command-not-found`
 * or `command-not-executable`.
 */
export function typedCommand(count: number): Command {
  const args = typedArguments(count)
  const [name] = args
  if (name === undefined) throw new Error('a command has at least a name')
  return { program: resolveProgram(name, variable(inheritedEnvironment(), 'PATH')), args }
}

/**
 * The path under which execvp(3) would find the program. A name with a slash is already a path. An empty element of
 * `path` is the current directory. A file that is not executable is skipped, and remembered for the error. (A directory
 * without search permission counts as empty, as in bash.) Throws `command-not-found` or `command-not-executable`.
 */
export function resolveProgram(name: ByteText, path: ByteText | undefined): ByteText {
  let forbidden = false
  for (const candidate of candidates(name, path ?? DEFAULT_PATH)) {
    const failure = access(candidate, X_OK)
    // Only a directory can be followed by a slash.
    if (failure === 0 && !exists(`${candidate}/`)) return candidate
    forbidden ||= failure === 0 || (failure === -EACCES && (candidate === name || exists(candidate)))
  }
  const shown = fromByteText(name)
  if (forbidden) throw new CanhazgpuError('command-not-executable', `command not executable: ${shown}`)
  throw new CanhazgpuError('command-not-found', `command not found: ${shown}`)
}

/**
 * Replaces this process with the command, in the state that `inherited` describes and with our environment changed by
 * `set` (null removes a variable). Does not return. Throws `command-not-found` or `command-not-executable`, and then
 * this process is unchanged.
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
  let failure = -execve(program, args, environment)
  // A script without `#!`: execvp(3) and every shell run it with the shell.
  if (failure === ENOEXEC) failure = -execve('/bin/sh', ['/bin/sh', program, ...args.slice(1)], environment)
  undo()
  throw execFailure(program, failure)
}

const exists = (path: ByteText): boolean => access(path, F_OK) === 0

/** The paths to try. An empty name is a path, because `${directory}/` would be the directory itself. */
function candidates(name: ByteText, path: ByteText): ByteText[] {
  if (name === '' || name.includes('/')) return [name]
  return path.split(':').map((directory) => `${directory === '' ? '.' : directory}/${name}`)
}

/** Shells put the path of the started program into `_`. If it is our path, the command gets its own path instead. */
function ownPathReplaced(program: ByteText): readonly ByteText[] {
  const environment = inheritedEnvironment()
  const value = variable(environment, '_')
  // An upgrade may have replaced our file during the wait.
  const ourPath = readLink('/proc/self/exe')?.replace(/ \(deleted\)$/, '')
  const isOurs = value !== undefined && realPath(fromByteText(value)) === ourPath
  return isOurs ? environment.map((entry) => (entry === `_=${value}` ? `_=${program}` : entry)) : environment
}

function execFailure(program: ByteText, errno: number): CanhazgpuError {
  const shown = fromByteText(program)
  if (errno !== ENOENT)
    return new CanhazgpuError('command-not-executable', `cannot execute ${shown}: ${errorText(errno)}`)
  return exists(program)
    ? new CanhazgpuError('command-not-executable', `cannot execute ${shown}: its interpreter does not exist`)
    : new CanhazgpuError('command-not-found', `command not found: ${shown}`)
}
