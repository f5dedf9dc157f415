import { CanhazgpuError } from '../../../domain/errors.ts'
import { close, createFile, lockExclusive } from '../../kernel/libc/descriptors.ts'
import { errorText } from '../../kernel/libc/library.ts'
import { statusOf } from '../../kernel/libc/paths.ts'

/** Its presence marks a pool that belongs to a daemon. The daemon, or a command of root, holds a lock on it. */
export const daemonLock = (database: string): string => `${database}-daemon`

/** The locks of this process, by the path of the database. */
const held = new Map<string, number>()

const TRY_AGAIN_EVERY_MS = 50

/** Whether the files are closed, and belong to a daemon. */
export function isOfDaemon(database: string): boolean {
  const status = statusOf(database)
  if (typeof status === 'number' || (status.mode & 0o077) !== 0) return false
  return typeof statusOf(daemonLock(database)) !== 'number'
}

/** Locks the pool for this process, until it exits or releases the lock. Throws `store-busy`. */
export async function lockForDaemon(database: string, waitMs: number): Promise<void> {
  const giveUpAt = Bun.nanoseconds() + waitMs * 1e6
  while (!tryLock(database)) {
    if (Bun.nanoseconds() >= giveUpAt) {
      throw new CanhazgpuError(
        'store-busy',
        `Another daemon, or a command of root, uses the pool ${database}`,
        {
          hint: `find it with 'sudo fuser -v ${daemonLock(database)}'`,
        },
      )
    }
    await Bun.sleep(TRY_AGAIN_EVERY_MS)
  }
}

/** Locks a pool of a daemon for root, which could open the files while the daemon runs. Throws `store-busy` then. */
export function lockIfOfDaemon(database: string): void {
  if (!isOfDaemon(database) || tryLock(database)) return
  throw new CanhazgpuError('store-busy', `The daemon uses the pool ${database}`, {
    hint: "leave out --store to reach the daemon; to repair the files, stop it first: 'systemctl stop canhazgpu'",
  })
}

export function unlock(database: string): void {
  const fd = held.get(database)
  if (fd === undefined) return
  held.delete(database)
  close(fd)
}

function tryLock(database: string): boolean {
  if (held.has(database)) return true
  const name = daemonLock(database)
  const fd = createFile(name, 0o600)
  if (fd < 0) throw new CanhazgpuError('store-unavailable', `Cannot create ${name}: ${errorText(-fd)}`)
  if (lockExclusive(fd) < 0) {
    close(fd)
    return false
  }
  held.set(database, fd)
  return true
}
