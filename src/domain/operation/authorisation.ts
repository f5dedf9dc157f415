import { bookingsOf } from '../pool/bookings.ts'
import type { Account, Owner, Pool, ProcessIdentity, Reservation } from '../pool/model.ts'
import { isAdministrator, isSameAccount } from '../pool/rights.ts'
import type { BookingIntent, Intent } from './intent.ts'
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
  book: isIdBookable,
  cancel: mayEnd,
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
  return ownersOf(pool, id).every(isOwn(owner.account)) && !bookingsOf(pool).some((each) => each.id === id)
}

function isIdBookable(pool: Pool, { intent: { id, owner } }: { readonly intent: BookingIntent }): boolean {
  const isOther = (held: Reservation) => held.id === id && held.term.kind !== 'booking'
  return (
    ownersOf(pool, id).every(isOwn(owner.account)) &&
    !pool.reservations.some(isOther) &&
    !pool.queue.some((entry) => entry.id === id)
  )
}

const isOwn = (account: Account) => (owner: Owner) => isSameAccount(account, owner.account)

const ownersOf = (pool: Pool, id: string): readonly Owner[] =>
  [...pool.reservations, ...pool.queue, ...bookingsOf(pool)]
    .filter((each) => each.id === id)
    .map(({ owner }) => owner)

/**
 * The intent with the account and process that the kernel reports, whatever it says about them. Null if a run is
 * requested and the process is not known.
 */
export function verifiedIntent(
  intent: Intent,
  account: Account,
  process: ProcessIdentity | null,
): Intent | null
export function verifiedIntent(intent: BookingIntent, account: Account, process: null): BookingIntent
export function verifiedIntent(
  intent: Intent | BookingIntent,
  account: Account,
  process: ProcessIdentity | null,
): Intent | BookingIntent | null {
  const { owner, term } = intent
  const isOwnName = owner.shownName === owner.account.name || owner.shownName === ''
  const verified = { owner: { account, shownName: isOwnName ? account.name : owner.shownName } }
  switch (term.kind) {
    case 'run':
      return process === null ? null : { ...intent, ...verified, term: { ...term, process } }
    case 'manual':
      return { ...intent, ...verified, term }
    case 'booking':
      return { ...intent, ...verified, term }
  }
}
