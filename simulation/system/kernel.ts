import type { Liveness, ProcessIdentity } from '../../src/domain/pool/model.ts'
import type { Machine } from './machine.ts'
import type { Process } from './process.ts'

/** Whether the kernel shows this process as stopped to a process in the given namespace. */
export function isSeenStopped(machine: Machine, identity: ProcessIdentity, namespace: string): boolean {
  if (identity.pidNamespace !== namespace) return false
  const process = machine.processes.get(identity.pid)
  if (process?.state !== 'stopped' || process.isFrozen) return false
  return process.identity.startTime === identity.startTime
}

/** Which boot id a process reads. `own`: the boot id of its container. `none`: it cannot read one. */
export type ReadableBootId = 'true' | 'own' | 'none'

/**
 * The kernel's answer to one process about another, in place of `adapters/kernel/processes.ts`. A visible process is
 * alive. An invisible process is gone only if both are known to belong to the same boot.
 */
export function kernelAnswer(observer: Process, { identity, found }: Lookup): Liveness {
  if (identity.pidNamespace !== observer.identity.pidNamespace) return 'unknown'
  const isVisible = found?.identity.startTime === identity.startTime && found.isAlive
  if (isVisible) return 'alive'
  return isRead(identity.bootId) && identity.bootId === observer.identity.bootId ? 'gone' : 'unknown'
}

interface Lookup {
  readonly identity: ProcessIdentity
  /** The process that has the pid now. */
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
