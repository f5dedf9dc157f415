import type { Process } from '../system/process.ts'
import type { System } from '../system/system.ts'
import { Violation } from './violation.ts'

/** From a signal until the waiter has left the queue: with a slow store, the request in progress and the commit. */
export const LEAVES_WITHIN = 2_000

/** Interrupts a process that may wait in a queue. Then it must leave the queue soon, also in the middle of a probe. */
export function interruptWaiter(system: System, process: Process): void {
  const { scheduler, checker } = system
  const { machine } = process
  const interruptedAt = scheduler.now
  process.interrupt()
  scheduler.after(LEAVES_WITHIN, null, () => {
    const { faults, faultyUntil } = machine.stored
    const couldFail = faults.before + faults.after > 0 || faultyUntil >= interruptedAt
    if (!process.isAlive || process.wasStopped || couldFail) return
    const waits = [...checker.truthOf(machine).waiting.values()].find((each) => each.process === process)
    if (waits === undefined) return
    const text = `${waits.id} of ${process.name} is in the queue ${LEAVES_WITHIN} ms after its interrupt`
    system.violation ??= new Violation('waiting', text)
  })
}
