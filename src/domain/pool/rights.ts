import { CanhazgpuError } from '../errors.ts'
import { UNREAD } from './clock.ts'
import type { Account } from './model.ts'

/**
 * Who may change what. In another user namespace than the first everybody can be root and, in a nested one, show any
 * uid. So a process there has no rights but over what was made in that very namespace.
 */

/** Root, and no one who is root only in a user namespace of their own. */
export const isAdministrator = ({ uid, userNamespace }: Account): boolean =>
  uid === 0 && userNamespace === undefined

/** Whether the actor may change what this account holds, as its holder. */
export function owns(actor: Account, holder: Account): boolean {
  if (actor.uid !== holder.uid) return false
  if (actor.userNamespace === undefined) return true
  return actor.userNamespace !== UNREAD && actor.userNamespace === holder.userNamespace
}

/** Whether both are the same to the history: a namespace of one's own is not one's account. */
export const isSameAccount = (a: Account, b: Account): boolean =>
  a.uid === b.uid && a.userNamespace === b.userNamespace

/** A pool that exists: who owns its database, which nobody can pretend. */
export interface PoolOwner {
  readonly uid: number
  readonly path: string
}

/** Throws `permission-denied` unless the actor may reset the pool or change its settings; null: there is none yet. */
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
