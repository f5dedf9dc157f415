import type { Account } from '../../domain/pool/model.ts'
import { effectiveUid } from '../kernel/libc.ts'
import { otherUserNamespace, outerUid } from './user-namespace.ts'
import { unnamed, userNames } from './users.ts'

/**
 * Who we act as: the effective uid, which decides about files as well. Never `$USER` or `$LOGNAME`, which anyone can
 * set. In another user namespace it is the uid outside.
 */
export async function currentAccount(): Promise<Account> {
  const uid = effectiveUid()
  const userNamespace = otherUserNamespace()
  if (userNamespace === undefined) return { uid, name: await nameOf(uid) }
  const outer = outerUid(uid)
  // One step out of a nested namespace there may be a root that is none. The name must not pretend it.
  const name = outer === undefined || outer === 0 ? unnamed(outer ?? uid) : await nameOf(outer)
  return { uid: outer ?? uid, name, userNamespace }
}

async function nameOf(uid: number): Promise<string> {
  return (await userNames([uid])).get(uid) ?? unnamed(uid)
}

/** The same account without its name, which only a name service may know. */
export function unnamedAccount(): Account {
  const uid = effectiveUid()
  const userNamespace = otherUserNamespace()
  if (userNamespace === undefined) return { uid, name: unnamed(uid) }
  const outer = outerUid(uid) ?? uid
  return { uid: outer, name: unnamed(outer), userNamespace }
}
