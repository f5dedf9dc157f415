import type { Account, Owner, Pool, ProcessIdentity } from '../pool/model.ts'
import { isAdministrator, isSameAccount } from '../pool/rights.ts'
import type { Intent } from './intent.ts'
import type { Operation, PoolOperationName } from './operation.ts'

type Check<Name extends PoolOperationName> = (
  pool: Pool,
  operation: Operation<Name>,
  actor: Account,
) => boolean

/**
 * Who may change what, by name of the operation. `release` and `extend` select the reservations of the actor themselves.
 * Changes of the pool's rules are authorised by who may write the store, or by the daemon.
 */
const CHECKS: { readonly [Name in PoolOperationName]?: Check<Name> } = {
  leave: mayEnd,
  heartbeat: mayEnd,
  end: mayEnd,
  acquire: isIdUsable,
  join: isIdUsable,
  claim: isIdUsable,
}

/** Whether the operation is on a reservation or queue entry of another account. */
export function isForbidden<Name extends PoolOperationName>(
  pool: Pool,
  operation: Operation<Name>,
  actor: Account,
): boolean {
  const check: Check<Name> | undefined = CHECKS[operation.op]
  return check !== undefined && !check(pool, operation, actor)
}

function mayEnd(pool: Pool, { id }: { readonly id: string }, actor: Account): boolean {
  return isAdministrator(actor) || ownersOf(pool, id).every(isOwn(actor))
}

/** Another account may know the id of an entry, and request with it. */
function isIdUsable(pool: Pool, { intent: { id, owner } }: { readonly intent: Intent }): boolean {
  return ownersOf(pool, id).every(isOwn(owner.account))
}

const isOwn = (account: Account) => (owner: Owner) => isSameAccount(account, owner.account)

const ownersOf = (pool: Pool, id: string): readonly Owner[] =>
  [...pool.reservations, ...pool.queue].filter((each) => each.id === id).map(({ owner }) => owner)

/**
 * The intent with the account and process that the kernel reports, whatever it says about them. Null if a run is
 * requested and the process is not known.
 */
export function verifiedIntent(
  intent: Intent,
  account: Account,
  process: ProcessIdentity | null,
): Intent | null {
  const { owner, term } = intent
  const isOwnName = owner.shownName === owner.account.name || owner.shownName === ''
  const shownName = isOwnName ? account.name : owner.shownName
  const verified = { ...intent, owner: { account, shownName } }
  if (term.kind === 'manual') return verified
  return process === null ? null : { ...verified, term: { ...term, process } }
}
