import { unavailable } from '../adapters/kernel/libc/library.ts'
import { exitNow } from '../adapters/kernel/libc/process.ts'
import { runProgram } from '../cli/program.ts'
import { commandLineMain } from './command-line.ts'
import { VERSION } from './version.ts'

// Imported here, they are in the chunk that every command line loads: what each command imports, and the most frequent
// command. And what starting a job shares with the drivers.
import '../adapters/process/children.ts'
import '../cli/command.ts'
import '../cli/commands/status.ts'

// Exported here, they need no chunk of their own.
export { commandLineMain } from './command-line.ts'
export { reportDefect } from './defects.ts'

/** Runs the command that a user typed. `id`: that of what it reserves, if the daemon may have received it already. */
export async function commandMain(args: readonly string[], id?: string): Promise<void> {
  if (unavailable === undefined) exitNow(await commandLineMain(args, null, null, id))
  else process.exitCode = await runWithoutMachine(args, unavailable)
}

const NO_TERMINAL = { terminal: false, color: false, columns: Number.POSITIVE_INFINITY } as const

/** If the C library cannot be called, `--help` works, and every command fails with the reason. */
function runWithoutMachine(args: readonly string[], reason: unknown): Promise<number> {
  return runProgram(args, {
    version: VERSION,
    stdout: { write: (text) => process.stdout.write(text), ...NO_TERMINAL },
    stderr: { write: (text) => process.stderr.write(text), ...NO_TERMINAL },
    open: () => Promise.reject(reason),
  })
}
