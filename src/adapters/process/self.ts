import { access, executedPath, O_RDONLY, open, realPath, X_OK } from '../kernel/libc.ts'
import { readLink } from '../kernel/procfs.ts'
import { handable } from './detach.ts'

/** Leads to the file that this process executes, even if that file was removed or replaced since (proc(5)). */
const RUNNING_FILE = '/proc/self/exe'

/**
 * The command line with which this process starts this very program as a child, with other arguments: the executable
 * itself where it was compiled, Bun with `src/entries/main.ts` in development and under `bun test`. An upgrade may put another
 * version in its place; the version that runs is the one that understands the arguments.
 */
export function selfCommand(args: readonly string[]): string[] {
  return commandOf(isReplaced() ? RUNNING_FILE : process.execPath, args)
}

/**
 * The same for a shell to start. If the file was removed or replaced, `file` is a descriptor of it that the shell must
 * inherit under the same number.
 */
export function selfCommandForShell(args: readonly string[]): {
  readonly command: readonly string[]
  readonly file: number | null
} {
  const file = isReplaced() ? handable(open(RUNNING_FILE, O_RDONLY)) : null
  const program = file === null ? process.execPath : `/proc/self/fd/${file}`
  return { command: commandOf(program, args), file }
}

/** The kernel marks the name of a file that has no name any more. */
function isReplaced(): boolean {
  return readLink(RUNNING_FILE)?.endsWith(' (deleted)') ?? false
}

/**
 * The same for the program that is installed by now where this one was started from: an upgrade puts another file
 * or another link there. Null if there is none.
 */
export function installedCommand(args: readonly string[]): string[] | null {
  const program = [executedPath(), process.execPath].find((path) => path !== null && access(path, X_OK) === 0)
  return program === null || program === undefined ? null : commandOf(program, args)
}

/** Where this program was started from, without following links; null if that cannot be told. */
export function startedFrom(): string | null {
  const path = executedPath()
  if (path === null || path.startsWith('/')) return path
  const folder = readLink('/proc/self/cwd')
  return folder?.startsWith('/') ? `${folder}/${path}` : null
}

/** The command line of the program that is installed at `path` by now; null if it is the one that runs, or none. */
export function commandInstalledAt(path: string, args: readonly string[]): string[] | null {
  const file = realPath(path)
  return file === null || file === readLink(RUNNING_FILE) ? null : commandOf(path, args)
}

function commandOf(program: string, args: readonly string[]): string[] {
  // A compiled executable serves its own sources from this virtual folder (Bun, "single-file executable").
  const compiled = Bun.main.startsWith('/$bunfs/')
  return compiled ? [program, ...args] : [program, `${import.meta.dir}/../../entries/main.ts`, ...args]
}
