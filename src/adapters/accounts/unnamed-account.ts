import { unnamed } from '../../domain/ledger/shown-names.ts'
import type { Account } from '../../domain/pool/model.ts'
import { effectiveUid } from '../kernel/libc/rights.ts'
import { otherUserNamespace, outerUid } from './user-namespace.ts'

/** The account of this process without its name, which may need a query to a name service. */
export function unnamedAccount(): Account {
  const uid = effectiveUid()
  const userNamespace = otherUserNamespace()
  if (userNamespace === undefined) return { uid, name: unnamed(uid) }
  const outer = outerUid(uid) ?? uid
  return { uid: outer, name: unnamed(outer), userNamespace }
}
