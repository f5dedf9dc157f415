import { steadyNow } from '../adapters/kernel/clock.ts'
import { execve } from '../adapters/kernel/libc/programs.ts'
import { processStat } from '../adapters/kernel/processes.ts'
import { inheritedEnvironment, toByteText } from '../adapters/process/environment.ts'
import { installedCommand } from '../adapters/process/self.ts'
import { writeText } from '../adapters/process/terminal.ts'
import type { Millis } from '../domain/pool/model.ts'

const SHORTEST_MS: Millis = 1_000
const LONGEST_MS: Millis = 60_000
/** The kernel counts the start of a process in hundredths of a second. */
const TICK_MS: Millis = 10

/**
 * Executes this program again after a pause, with the same arguments. The process stays the same, so its service manager
 * does not start it again and again. The pauses double, and nothing needs to count them: each is as long as this process
 * has existed. Returns if no program is installed any more.
 */
export async function startAgain(args: readonly string[]): Promise<void> {
  const existsFor = steadyNow() - (processStat('self')?.startTime ?? 0) * TICK_MS
  const pause = Math.min(Math.max(existsFor, SHORTEST_MS), LONGEST_MS)
  writeText(2, `canhazgpu daemon: trying again in ${Math.round(pause / 1_000)} s\n`)
  await Bun.sleep(pause)
  executeAgain(args)
}

/** Executes the program that is installed now, with these arguments, in this process. Returns if there is none. */
export function executeAgain(args: readonly string[]): void {
  const command = installedCommand(args)
  if (command === null) return
  const [program = ''] = command
  execve(toByteText(program), command.map(toByteText), inheritedEnvironment())
}
