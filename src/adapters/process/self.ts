import { O_RDONLY, open } from '../kernel/libc/descriptors.ts'
import { access, realPath, X_OK } from '../kernel/libc/paths.ts'
import { executedPath } from '../kernel/libc/process.ts'
import { readLink } from '../kernel/procfs.ts'
import { inheritable } from './detach.ts'

/** Opens the file that this process executes, even after that file was removed or replaced (proc(5)). */
const RUNNING_FILE = '/proc/self/exe'

/**
 * The command line to start this program as a child with other arguments: the compiled executable itself, or Bun with
 * `src/entries/main.ts` in development and under `bun test`. It is the running version even if an upgrade has installed
 * another one at the path, because another version may not understand the arguments.
 */
export function selfCommand(args: readonly string[]): string[] {
  return commandOf(isReplaced() ? RUNNING_FILE : process.execPath, args)
}

/**
 * Like `selfCommand`, for a shell to start. If the file was removed or replaced, `file` is a descriptor of it, which the
 * shell must inherit under the same number.
 */
export function selfCommandForShell(args: readonly string[]): {
  readonly command: readonly string[]
  readonly file: number | null
} {
  const file = isReplaced() ? inheritable(open(RUNNING_FILE, O_RDONLY)) : null
  const program = file === null ? process.execPath : `/proc/self/fd/${file}`
  return { command: commandOf(program, args), file }
}

/** The kernel appends this to the name of a deleted file. */
function isReplaced(): boolean {
  return readLink(RUNNING_FILE)?.endsWith(' (deleted)') ?? false
}

/**
 * Like `selfCommand`, for the program now installed at the path from which this one was started. After an upgrade it is
 * another file. Null if there is none.
 */
export function installedCommand(args: readonly string[]): string[] | null {
  const program = [executedPath(), process.execPath].find((path) => path !== null && access(path, X_OK) === 0)
  return program === null || program === undefined ? null : commandOf(program, args)
}

/** The path this program was started from, links not followed; null if unknown. */
export function startedFrom(): string | null {
  const path = executedPath()
  if (path === null || path.startsWith('/')) return path
  const folder = readLink('/proc/self/cwd')
  return folder?.startsWith('/') ? `${folder}/${path}` : null
}

/** The command line of the program now installed at `path`; null if it is the running one, or none. */
export function commandInstalledAt(path: string, args: readonly string[]): string[] | null {
  const file = realPath(path)
  return file === null || file === readLink(RUNNING_FILE) ? null : commandOf(path, args)
}

function commandOf(program: string, args: readonly string[]): string[] {
  // A compiled executable serves its own sources from this virtual folder (Bun, "single-file executable").
  const compiled = Bun.main.startsWith('/$bunfs/')
  return compiled ? [program, ...args] : [program, `${import.meta.dir}/../../entries/main.ts`, ...args]
}
