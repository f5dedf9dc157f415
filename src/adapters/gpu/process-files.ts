import type { Millis } from '../../domain/pool/model.ts'

// The kernel reads the command line from the process's memory, under a lock that a process hanging inside the driver
// may hold for ever. The command line is optional, so this limit is short.
const COMMAND_LINE_LIMIT_MS: Millis = 250

/** `/proc/<pid>/status`; undefined if the process is gone or hidden. */
export const statusTextOf = (pid: number): Promise<string | undefined> => readText(`/proc/${pid}/status`)

/** The arguments of a process; undefined if they cannot be read. */
export async function commandLineOf(pid: number): Promise<readonly string[] | undefined> {
  const text = await withinLimit(readText(`/proc/${pid}/cmdline`))
  return text?.split('\0')
}

async function withinLimit<T>(reading: Promise<T>): Promise<T | undefined> {
  const limit = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => limit.resolve(undefined), COMMAND_LINE_LIMIT_MS)
  try {
    return await Promise.race([reading, limit.promise])
  } finally {
    clearTimeout(timer)
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await Bun.file(path).text()
  } catch {
    // Gone or hidden: not an error.
    return undefined
  }
}
