import type { Liveness, ProcessIdentity } from '../../src/domain/model.ts'
import type { Machine } from './machine.ts'

/** Whether the kernel shows that very process as stopped to one in the given namespace. */
export function isSeenStopped(machine: Machine, identity: ProcessIdentity, namespace: string): boolean {
  if (identity.pidNamespace !== namespace) return false
  const process = machine.processes.get(identity.pid)
  if (process?.state !== 'stopped' || process.isFrozen) return false
  return process.identity.startTime === identity.startTime
}

/** What the kernel tells of a process to one in the given namespace, as `adapters/os/processes.ts` asks it. */
export function kernelAnswer(machine: Machine, identity: ProcessIdentity, namespace: string): Liveness {
  if (identity.bootId !== machine.bootId) return 'rebooted'
  if (identity.pidNamespace !== namespace) return 'unknown'
  const process = machine.processes.get(identity.pid)
  if (process === undefined) return 'gone'
  if (process.identity.startTime !== identity.startTime) return 'gone'
  if (process.isZombie) return 'gone'
  return process.isAlive ? 'alive' : 'gone'
}
