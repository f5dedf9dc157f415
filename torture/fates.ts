import { kill, supervisorsOf } from '../test/support/processes.ts'
import type { Performance } from './performance.ts'
import type { Fate } from './script.ts'

export interface Surroundings {
  readonly store: string
  /** How long a command that does not wait usually takes, ms. */
  readonly usual: () => number
}

/** Lets come to pass what the script has in store for a command, if it gets that far. */
export async function befall(performance: Performance, fate: Fate, around: Surroundings): Promise<void> {
  switch (fate.when) {
    case 'started':
      await Bun.sleep(fate.after * around.usual())
      break
    case 'waiting':
      if ((await performance.waiting) === undefined) return
      await Bun.sleep(fate.after)
      break
    case 'granted':
      if ((await performance.granted) === undefined) return
      await Bun.sleep(fate.after)
  }
  switch (fate.what) {
    case 'kill':
      return performance.signal('SIGKILL')
    case 'kill-supervisor':
      return killSupervisor(performance, around)
    case 'kill-both':
      performance.signal('SIGKILL')
      return killSupervisor(performance, around)
    case 'stop':
      performance.signal('SIGSTOP')
      await Bun.sleep(fate.lasts)
      return performance.signal('SIGCONT')
  }
}

/** It may not be there yet, or no more. */
async function killSupervisor(performance: Performance, { store }: Surroundings): Promise<void> {
  const grant = await performance.granted
  if (grant === undefined) return
  for (const pid of supervisorsOf({ store }, grant.reservation)) {
    performance.logSignal(pid, { signal: 'SIGKILL', phase: 'supervisor' })
    kill(pid, 'SIGKILL')
  }
}
