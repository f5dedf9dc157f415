/**
 * The command line that starts this very program again with other arguments: the executable itself where
 * it was compiled, Bun with `src/main.ts` in development and under `bun test`.
 */
export function selfCommand(args: readonly string[]): string[] {
  // A compiled executable serves its own sources from this virtual folder (Bun, "single-file executable").
  const compiled = Bun.main.startsWith('/$bunfs/')
  return compiled
    ? [process.execPath, ...args]
    : [process.execPath, `${import.meta.dir}/../../main.ts`, ...args]
}
