import { access, executedPath, X_OK } from './libc.ts'

/**
 * The command line that starts this very program again with other arguments: the executable itself where
 * it was compiled, Bun with `src/main.ts` in development and under `bun test`.
 */
export function selfCommand(args: readonly string[]): string[] {
  return commandOf(process.execPath, args)
}

/**
 * The same for the program that is installed by now where this one was started from: an upgrade puts another file
 * or another link there. Null if there is none.
 */
export function installedCommand(args: readonly string[]): string[] | null {
  const program = [executedPath(), process.execPath].find((path) => path !== null && access(path, X_OK) === 0)
  return program === null || program === undefined ? null : commandOf(program, args)
}

function commandOf(program: string, args: readonly string[]): string[] {
  // A compiled executable serves its own sources from this virtual folder (Bun, "single-file executable").
  const compiled = Bun.main.startsWith('/$bunfs/')
  return compiled ? [program, ...args] : [program, `${import.meta.dir}/../../main.ts`, ...args]
}
