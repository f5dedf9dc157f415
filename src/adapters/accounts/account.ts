import { unnamed } from '../../domain/ledger/shown-names.ts'
import type { Account } from '../../domain/pool/model.ts'
import { effectiveUid } from '../kernel/libc/rights.ts'
import { otherUserNamespace, outerUid } from './user-namespace.ts'
import { userNames } from './users.ts'

/**
 * The account of this process: its effective uid, which also decides about access to files. `$USER` and `$LOGNAME` are
 * not used, because anyone can set them. In another user namespace it is the uid outside.
 */
export async function currentAccount(): Promise<Account> {
  const uid = effectiveUid()
  const userNamespace = otherUserNamespace()
  if (userNamespace === undefined) return { uid, name: await nameOf(uid) }
  const outer = outerUid(uid)
  // In a nested namespace, uid 0 one level out may not be the machine's root, so it does not get root's name.
  const name = outer === undefined || outer === 0 ? unnamed(outer ?? uid) : await nameOf(outer)
  return { uid: outer ?? uid, name, userNamespace }
}

async function nameOf(uid: number): Promise<string> {
  return (await userNames([uid])).get(uid) ?? unnamed(uid)
}
