import { kill, supervisorsOf } from '../test/support/processes.ts'
import type { Fault } from './actions.ts'
import type { RunningCommand } from './running-command.ts'

export interface Target {
  readonly store: string
  /** The usual duration of a command that does not wait, ms. */
  readonly usual: () => number
}

/** Injects the fault when its event has happened. */
export async function injectFault(command: RunningCommand, fault: Fault, target: Target): Promise<void> {
  switch (fault.when) {
    case 'started':
      await Bun.sleep(fault.after * target.usual())
      break
    case 'waiting':
      if ((await command.waiting) === undefined) return
      await Bun.sleep(fault.after)
      break
    case 'granted':
      if ((await command.granted) === undefined) return
      await Bun.sleep(fault.after)
  }
  switch (fault.what) {
    case 'kill':
      return command.signal('SIGKILL')
    case 'kill-supervisor':
      return killSupervisor(command, target)
    case 'kill-both':
      command.signal('SIGKILL')
      return killSupervisor(command, target)
    case 'stop':
      command.signal('SIGSTOP')
      await Bun.sleep(fault.lasts)
      return command.signal('SIGCONT')
  }
}

/** Does nothing if the supervisor has not started yet or has exited. */
async function killSupervisor(command: RunningCommand, { store }: Target): Promise<void> {
  const grant = await command.granted
  if (grant === undefined) return
  for (const pid of supervisorsOf({ store }, grant.reservation)) {
    command.logSignal(pid, { signal: 'SIGKILL', phase: 'supervisor' })
    kill(pid, 'SIGKILL')
  }
}
