import { CanhazgpuError } from '../domain/errors.ts'

/** Every other exit status of a child, except 0 and that of wrong usage, is a bug. */
const FAILED = 3

/** Prints the answer of a child process, or its failure, as JSON for its parent; returns the exit status. */
export async function printAnswer(ask: () => Promise<unknown>): Promise<number> {
  try {
    await Bun.write(Bun.stdout, JSON.stringify(await ask()))
    return 0
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    await Bun.write(Bun.stdout, JSON.stringify(error))
    return FAILED
  }
}
