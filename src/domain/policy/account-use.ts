import { bookingsOf } from '../pool/bookings.ts'
import {
  type Account,
  LIMIT_KEYS,
  type LimitKey,
  type Millis,
  type Policy,
  type Pool,
  type Reservation,
} from '../pool/model.ts'
import { heldByAccount } from '../schedule/account-holds.ts'
import { Calendar } from '../schedule/calendar.ts'
import { peakOf, usesOf } from '../schedule/peak-use.ts'
import { NEVER } from '../schedule/term-times.ts'
import { limitedAs } from './limits.ts'
import { type Rule, ruleFor } from './rules.ts'

/** What an account has now. Accounts that limits count as one are one: see `limitedAs`. */
export interface AccountUse {
  readonly account: Account
  readonly reservations: readonly Reservation[]
  /** Its requests in the queue. */
  readonly waiting: number
  /** The number of its bookings that have not begun. */
  readonly bookings: number
  /** Its Unix groups when a waiting process last asked for units, or when it booked; absent without one. */
  readonly groups?: readonly number[]
}

/** The accounts that hold units, wait, have a booking or a limit of their own. Most units first, then most requests. */
export function accountUses(pool: Pool): readonly AccountUse[] {
  const { reservations, queue, policy } = pool
  const uses = new Map<number, AccountUse>()
  const useOf = (account: Account): AccountUse =>
    uses.get(limitedAs(account)) ?? { account, reservations: [], waiting: 0, bookings: 0 }
  const change = (account: Account, changed: AccountUse) => uses.set(limitedAs(account), changed)
  for (const reservation of reservations) {
    const { owner, term } = reservation
    if (term.kind === 'maintenance') continue
    const use = useOf(owner.account)
    change(owner.account, { ...use, reservations: [...use.reservations, reservation] })
  }
  for (const { owner, groups } of queue) {
    const use = useOf(owner.account)
    change(owner.account, { ...use, waiting: use.waiting + 1, ...(groups === undefined ? {} : { groups }) })
  }
  for (const { owner, groups } of bookingsOf(pool)) {
    const use = useOf(owner.account)
    change(owner.account, { ...(groups === undefined ? {} : { groups }), ...use, bookings: use.bookings + 1 })
  }
  for (const { scope } of policy.limits ?? []) {
    if (scope.kind === 'account') change(scope, useOf({ uid: scope.uid, name: scope.name }))
  }
  return [...uses.values()].sort(
    (a, b) =>
      unitCount(b) - unitCount(a) || b.waiting - a.waiting || (a.account.name < b.account.name ? -1 : 1),
  )
}

export const unitCount = ({ reservations }: Pick<AccountUse, 'reservations'>): number =>
  reservations.reduce((sum, { holdings }) => sum + holdings.length, 0)

/**
 * The limits that hold for an account in these groups. Undefined groups are unknown: a limit that may come from one of
 * them is left out.
 */
export function limitsOf(
  policy: Policy,
  account: Account,
  groups: readonly number[] | undefined,
): readonly Rule[] {
  return LIMIT_KEYS.flatMap((key) => {
    const rule = ruleFor(policy, key, { account, groups: groups ?? [] })
    const isCertain = groups !== undefined || rule.source.kind === 'account' || !hasGroupLimit(policy, key)
    return isCertain ? [rule] : []
  })
}

/** How many units the account holds now, as limits count them. */
export const unitsHeld = (pool: Pool, account: Account, now: Millis): number =>
  heldByAccount(new Calendar(pool, now)).get(limitedAs(account)) ?? 0

/** Whether groups decide a limit. */
export const hasGroupLimit = ({ limits = [] }: Policy, key?: LimitKey): boolean =>
  limits.some(({ key: each, scope }) => scope.kind === 'group' && (key ?? each) === each)

interface Further {
  readonly further: number
  readonly most: number
  readonly now: Millis
  /** For how long. */
  readonly duration: Millis
}

/**
 * When an account that may have `most` units may have this number of further ones, by the known ends of its
 * reservations and bookings. Undefined if that is not known.
 */
export function allowedFrom(
  pool: Pool,
  account: Account,
  { further, most, now, duration }: Further,
): Millis | undefined {
  const uses = usesOf(pool, limitedAs(account), now)
  const ends = uses.map(({ until }) => until).filter((end) => end < NEVER)
  return ends.sort((a, b) => a - b).find((at) => peakOf(uses, at, at + duration).units + further <= most)
}
