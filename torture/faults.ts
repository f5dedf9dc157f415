import { kill, supervisorsOf } from '../test/support/processes.ts'
import type { Fault } from './actions.ts'
import type { RunningCommand } from './running-command.ts'

export interface Target {
  readonly store: string
  /** The usual duration of a command that does not wait, ms. */
  readonly usual: () => number
}

/** Injects the fault once the command reaches the point for it. */
export async function injectFault(performance: RunningCommand, fault: Fault, around: Target): Promise<void> {
  switch (fault.when) {
    case 'started':
      await Bun.sleep(fault.after * around.usual())
      break
    case 'waiting':
      if ((await performance.waiting) === undefined) return
      await Bun.sleep(fault.after)
      break
    case 'granted':
      if ((await performance.granted) === undefined) return
      await Bun.sleep(fault.after)
  }
  switch (fault.what) {
    case 'kill':
      return performance.signal('SIGKILL')
    case 'kill-supervisor':
      return killSupervisor(performance, around)
    case 'kill-both':
      performance.signal('SIGKILL')
      return killSupervisor(performance, around)
    case 'stop':
      performance.signal('SIGSTOP')
      await Bun.sleep(fault.lasts)
      return performance.signal('SIGCONT')
  }
}

/** Does nothing where the supervisor has not started yet or has left. */
async function killSupervisor(performance: RunningCommand, { store }: Target): Promise<void> {
  const grant = await performance.granted
  if (grant === undefined) return
  for (const pid of supervisorsOf({ store }, grant.reservation)) {
    performance.logSignal(pid, { signal: 'SIGKILL', phase: 'supervisor' })
    kill(pid, 'SIGKILL')
  }
}
