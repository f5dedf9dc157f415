import { stamp } from './clock.ts'
import type { Log } from './log.ts'

const EVERY_MS = 500

/** Logs how long the machine needs to run a program that does nothing, until `isOver`. */
export async function measureLoad(log: Log, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const from = stamp()
    await Bun.spawn(['true'], { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }).exited
    const at = stamp()
    log.write({ event: 'measured', at, ms: at.steady - from.steady })
    await Bun.sleep(EVERY_MS)
  }
}
