import { limitedAs } from '../policy/limits.ts'
import { bookingsOf } from '../pool/bookings.ts'
import type { Booking, Millis, Pool, Reservation } from '../pool/model.ts'
import { knownEnd, NEVER, startOf } from './term-times.ts'

/** A number of units that an account has for some time. */
export interface Use {
  readonly from: Millis
  readonly until: Millis
  readonly units: number
}

/** The most units at one time within the interval, and the first time at which it has that many. */
export interface Peak {
  readonly units: number
  readonly at: Millis
}

/** The number of units can grow only when a use begins. */
export function peakOf(uses: readonly Use[], from: Millis, until: Millis): Peak {
  let peak: Peak = { units: unitsAt(uses, from), at: from }
  for (const use of uses) {
    if (use.from <= from || use.from >= until) continue
    const units = unitsAt(uses, use.from)
    if (units > peak.units || (units === peak.units && use.from < peak.at)) peak = { units, at: use.from }
  }
  return peak
}

const unitsAt = (uses: readonly Use[], time: Millis): number =>
  uses.reduce((sum, { from, until, units }) => (from <= time && time < until ? sum + units : sum), 0)

/** The uses of reservations that begin later, one for each unit, by account as limits count it. */
export function usesIn(
  laters: readonly { readonly reservation: Reservation }[],
): ReadonlyMap<number, readonly Use[]> {
  const uses = new Map<number, Use[]>()
  for (const { reservation } of laters) {
    if (reservation.term.kind === 'maintenance') continue
    const account = limitedAs(reservation.owner.account)
    const use = { from: startOf(reservation), until: knownEnd(reservation), units: 1 }
    const known = uses.get(account)
    if (known === undefined) uses.set(account, [use])
    else known.push(use)
  }
  return uses
}

/** What an account, as limits count it, has now and has booked. */
export function usesOf(pool: Pool, account: number, now: Millis): readonly Use[] {
  const held = pool.reservations.flatMap((each): readonly Use[] => {
    if (each.term.kind === 'maintenance' || limitedAs(each.owner.account) !== account) return []
    const end = knownEnd(each)
    const until = end > now ? end : NEVER
    return [{ from: Number.NEGATIVE_INFINITY, until, units: each.holdings.length }]
  })
  const booked = bookingsOf(pool)
    .filter(({ owner }) => limitedAs(owner.account) === account)
    .map(({ term: { from, until }, holdings }) => ({ from, until, units: holdings.length }))
  return [...held, ...booked]
}

/** The bookings of an account at a time, as a fact of a refusal; nothing if it has none then. */
export function ownBookings(
  pool: Pool,
  account: number,
  at: Millis,
): { readonly bookings?: readonly Booking[] } {
  const bookings = bookingsOf(pool).filter(
    ({ owner, term }) => limitedAs(owner.account) === account && term.from <= at && at < term.until,
  )
  return bookings.length === 0 ? {} : { bookings }
}
