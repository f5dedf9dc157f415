import type { Millis } from '../../domain/pool/model.ts'
import { CommandLines } from './command-lines.ts'

// The kernel reads the command line from the process's memory, under a lock that a process hanging inside the driver
// may hold for ever, and its user on purpose. The command line is optional, so this limit is short.
const COMMAND_LINE_LIMIT_MS: Millis = 250

const commandLines = new CommandLines((pid) => readText(`/proc/${pid}/cmdline`), COMMAND_LINE_LIMIT_MS)

/** `/proc/<pid>/status`; undefined if the process is gone or hidden. */
export const statusTextOf = (pid: number): Promise<string | undefined> => readText(`/proc/${pid}/status`)

/** The arguments of a process; undefined if they cannot be read. */
export const commandLineOf = (pid: number): Promise<readonly string[] | undefined> => commandLines.of(pid)

async function readText(path: string): Promise<string | undefined> {
  try {
    return await Bun.file(path).text()
  } catch {
    // Gone or hidden: not an error.
    return undefined
  }
}
