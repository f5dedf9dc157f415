import { CanhazgpuError } from '../errors.ts'
import { UNREAD } from './clock.ts'
import type { Account } from './model.ts'

/**
 * Rights of accounts. Outside the first user namespace every process can become root, and in a nested namespace it can
 * have any uid. So a process there has rights only over reservations that were made in the same namespace.
 */

/** Root of the first user namespace. */
export const isAdministrator = ({ uid, userNamespace }: Account): boolean =>
  uid === 0 && userNamespace === undefined

/** Whether the actor has the rights of the holder. */
export function owns(actor: Account, holder: Account): boolean {
  if (actor.uid !== holder.uid) return false
  if (actor.userNamespace === undefined) return true
  return actor.userNamespace !== UNREAD && actor.userNamespace === holder.userNamespace
}

/** Whether both are the same account in the history. The same uid in another user namespace is another account. */
export const isSameAccount = (a: Account, b: Account): boolean =>
  a.uid === b.uid && a.userNamespace === b.userNamespace

/** The owner of an existing database file, which a process cannot fake. */
export interface PoolOwner {
  readonly uid: number
  readonly path: string
}

/** Throws `permission-denied` unless the actor may reset or configure the pool; `owner` is null if there is no pool. */
export function checkMayAdminister(actor: Account, owner: PoolOwner | null): void {
  if (owner === null || isAdministrator(actor)) return
  if (actor.userNamespace !== undefined) {
    throw new CanhazgpuError(
      'permission-denied',
      `The pool ${owner.path} cannot be changed from this user namespace, where anybody can be root`,
      { hint: 'run it outside, as the owner of the pool or as root' },
    )
  }
  if (actor.uid === owner.uid) return
  const whose = owner.uid === 0 ? 'root' : `root and its owner (uid ${owner.uid})`
  throw new CanhazgpuError('permission-denied', `Only ${whose} may change the pool ${owner.path}`, {
    hint: 'use sudo, or ask an administrator',
  })
}
