import { unnamed } from '../../domain/ledger/shown-names.ts'
import type { Account } from '../../domain/pool/model.ts'
import { readText } from '../kernel/procfs.ts'
import { userNames } from './users.ts'

/** No login has set it, for example for a service (audit(7)). */
const UNSET = 2 ** 32 - 1

/**
 * The account that logged in to the session of a process. The kernel keeps it through `sudo` and `su`. Undefined if it is
 * not known, or the account of the process itself.
 */
export async function loginOf(
  pid: number | 'self',
  { uid, userNamespace }: Account,
): Promise<Account | undefined> {
  const text = readText(`/proc/${pid}/loginuid`)?.trim() ?? ''
  const login = /^\d+$/.test(text) ? Number(text) : UNSET
  // In another user namespace the kernel translates the id.
  if (login === UNSET || login === uid || userNamespace !== undefined) return undefined
  return { uid: login, name: (await userNames([login])).get(login) ?? unnamed(login) }
}
