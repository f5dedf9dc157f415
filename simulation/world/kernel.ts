import type { Liveness, ProcessIdentity } from '../../src/domain/pool/model.ts'
import type { Machine } from './machine.ts'
import type { Process } from './process.ts'

/** Whether the kernel shows that very process as stopped to one in the given namespace. */
export function isSeenStopped(machine: Machine, identity: ProcessIdentity, namespace: string): boolean {
  if (identity.pidNamespace !== namespace) return false
  const process = machine.processes.get(identity.pid)
  if (process?.state !== 'stopped' || process.isFrozen) return false
  return process.identity.startTime === identity.startTime
}

/** What a process can read of the kernel: `own` is the boot id of a container that has one of its own. */
export type ReadableBootId = 'true' | 'own' | 'none'

/**
 * What the kernel answers one process about another, as `adapters/os/processes.ts` asks it. A process that is seen
 * lives; one that is not seen is gone only where both are known to belong to the same boot.
 */
export function kernelAnswer(looker: Process, { identity, found }: Asked): Liveness {
  if (identity.pidNamespace !== looker.identity.pidNamespace) return 'unknown'
  const isSeen = found?.identity.startTime === identity.startTime && found.isAlive
  if (isSeen) return 'alive'
  return isRead(identity.bootId) && identity.bootId === looker.identity.bootId ? 'gone' : 'unknown'
}

interface Asked {
  readonly identity: ProcessIdentity
  /** Which process has its pid now. */
  readonly found: Process | undefined
}

const UNREAD = 'unknown'

export const isRead = (bootId: string): boolean => bootId !== UNREAD

export function bootIdAs(bootId: string, readable: ReadableBootId): string {
  switch (readable) {
    case 'true':
      return bootId
    case 'own':
      return `${bootId}-of-a-container`
    case 'none':
      return UNREAD
  }
}
