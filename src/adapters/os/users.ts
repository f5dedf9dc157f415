import { CanhazgpuError } from '../../domain/errors.ts'
import type { Account } from '../../domain/model.ts'
import { accountName, effectiveUid, groupIdOf } from './libc.ts'

const names = new Map<number, string>()

/** Who we act as: the effective uid. Never `$USER`, which anyone can set. */
export function currentAccount(): Account {
  const uid = effectiveUid()
  return { uid, name: userName(uid) }
}

/** The name NSS (files, LDAP, …) has for a uid, or `uid 1234`. Asked once per uid: LDAP can be slow. */
export function userName(uid: number): string {
  const known = names.get(uid)
  if (known !== undefined) return known
  const name = accountName(uid) || `uid ${uid}`
  names.set(uid, name)
  return name
}

/** The id of a Unix group; throws `usage` where there is none of this name. */
export function groupId(name: string): number {
  const gid = groupIdOf(name)
  if (gid !== null) return gid
  throw new CanhazgpuError('usage', `No Unix group named '${name}'`, {
    hint: `create it with 'groupadd ${name}', or see 'getent group'`,
  })
}
