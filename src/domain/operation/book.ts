import { evidenceOf } from '../observation/observation.ts'
import {
  DEFAULT_BOOKED_AHEAD,
  durationsFor,
  limitedAs,
  limitFor,
  MOST_BOOKINGS,
  MOST_ENTRIES_PER_ACCOUNT,
  storedGroups,
} from '../policy/limits.ts'
import { bookingsOf, withBookings } from '../pool/bookings.ts'
import type { Booking, Millis, Policy, Pool } from '../pool/model.ts'
import { isSameAccount } from '../pool/rights.ts'
import { unitsOf } from '../pool/units.ts'
import { unusableIn } from '../schedule/conditions.ts'
import { sizeOf } from '../schedule/demand.ts'
import { plannedHolds } from '../schedule/expected-starts.ts'
import { ownBookings, peakOf, usesOf } from '../schedule/peak-use.ts'
import { promisesOf } from '../schedule/promises.ts'
import { observationIn } from './acquire.ts'
import { impossibleIn } from './acquisition.ts'
import { audited, cancelOf } from './audited.ts'
import { endWhere } from './ending.ts'
import type { BookingIntent } from './intent.ts'
import { laterStart } from './later-start.ts'
import type { Cancelled, Context, Done, Operation } from './operation.ts'
import type { OverLimit, Reason } from './refusal.ts'
import { unbookable } from './unbookable.ts'

/**
 * Promises units for a later time. A booking is a newcomer: it may break no other booking, and delay no waiter. Its
 * units prove that it can be kept; others may replace them until it begins.
 */
export function book(pool: Pool, { intent }: Operation<'book'>, context: Context): Done<Booking> {
  const impossible = impossibleIn(pool, intent.request)
  if (impossible !== null) return { pool, answer: impossible }
  const known = earlierAnswer(pool, intent)
  if (known !== undefined) return { pool, answer: known }
  const now = context.now.wall
  const booking = bookingFor(pool.policy, intent, context)
  const refused = mayNotBook(pool.policy, booking, now) ?? limitReached(pool, booking, now)
  if (refused !== null) return { pool, answer: { refused } }
  const evidence = evidenceOf(pool, observationIn(context))
  const conditions = { now, stopped: context.processes.stopped, evidence }
  const unusable = unusableIn(pool, conditions)
  const keeping = promisesOf(pool, { ...conditions, unusable })
  const withBooking = (asked: Booking) => keeping(withBookings(pool, [...bookingsOf(pool), asked]))
  const promises = withBooking(booking)
  const earliest = () => {
    const found = laterStart(pool, booking, {
      ...{ unusable, expected: plannedHolds(pool, conditions) },
      isAllowed: (from) => {
        const later = movedTo(booking, from)
        return mayNotBook(pool.policy, later, now) === null && limitReached(pool, later, now) === null
      },
      fits: (from) => withBooking(movedTo(booking, from)).kind === 'kept',
    })
    return found === undefined ? {} : { earliest: found }
  }
  switch (promises.kind) {
    case 'kept': {
      const booked = bookingsOf(promises.pool).find(({ id }) => id === booking.id) ?? booking
      return { pool: promises.pool, answer: booked }
    }
    case 'booked':
      return { pool, answer: { refused: { ...unbookable(pool, booking, conditions), ...earliest() } } }
    case 'waiting':
      return { pool, answer: { refused: { code: 'promised', ...earliest() } } }
  }
}

const movedTo = (booking: Booking, from: Millis): Booking => ({
  ...booking,
  term: { ...booking.term, from, until: from + booking.term.until - booking.term.from },
})

/** Cancels a booking, or ends the reservation that it became. */
export function cancel(pool: Pool, { id }: Operation<'cancel'>, context: Context): Done<Cancelled> {
  const { actor, now } = context
  const bookings = bookingsOf(pool)
  const booking = bookings.find((each) => each.id === id)
  if (booking !== undefined) {
    const others = bookings.filter((each) => each !== booking)
    const audit = isSameAccount(actor, booking.owner.account) ? [] : [audited(cancelOf(booking), context)]
    return { pool: withBookings(pool, others), audit, answer: { kind: 'cancelled', booking } }
  }
  const held = pool.reservations.find((each) => each.id === id)
  if (held === undefined) return { pool, answer: { refused: { code: 'no-such-booking', id } } }
  const by = isSameAccount(actor, held.owner.account) ? {} : { by: actor }
  const { pool: after, ended } = endWhere(pool, (each) =>
    each === held ? { outcome: 'released', at: now.wall, ...by } : null,
  )
  return { pool: after, records: ended, answer: { kind: 'released', units: unitsOf(held) } }
}

/** The answer to an earlier request with this id, which was lost. */
function earlierAnswer(pool: Pool, { id, request }: BookingIntent): Booking | undefined {
  const booking = bookingsOf(pool).find((each) => each.id === id)
  if (booking !== undefined) return booking
  const begun = pool.reservations.find((each) => each.id === id)
  if (begun?.term.kind !== 'booking') return undefined
  const { startedAt, term, ...held } = begun
  return { ...held, request, bookedAt: startedAt, term }
}

function bookingFor(policy: Policy, intent: BookingIntent, { now, groups = [] }: Context): Booking {
  const { id, owner, request, note, term } = intent
  const stored = storedGroups(policy, groups)
  const { usual, longest } = durationsFor(policy, { account: owner.account, groups: stored })
  const shortened = usual ?? Math.min(term.duration, longest ?? term.duration)
  const duration = term.isDefault === undefined ? term.duration : shortened
  return {
    ...{ id, owner, request, holdings: [], bookedAt: now.wall },
    ...(note === undefined ? {} : { note }),
    ...(stored.length === 0 ? {} : { groups: stored }),
    term: { kind: 'booking', from: term.from, until: term.from + duration },
  }
}

function mayNotBook(policy: Policy, { owner, groups = [], term }: Booking, now: Millis): Reason | null {
  const { from, until } = term
  const subject = { account: owner.account, groups }
  const rule = limitFor(policy, 'bookings', subject)
  if (rule?.value !== 1) return { code: 'bookings-off', ...(rule === undefined ? {} : { scope: rule.scope }) }
  if (from < now) return { code: 'past', from, now }
  const ahead = limitFor(policy, 'max-booked-ahead', subject)
  const most = ahead?.value ?? DEFAULT_BOOKED_AHEAD
  if (from - now > most) {
    const scope = ahead === undefined ? {} : { scope: ahead.scope }
    return { code: 'over-limit', limit: 'ahead', asked: from - now, most, ...scope }
  }
  const longest = limitFor(policy, 'max-duration', subject)
  if (longest === undefined || until - from <= longest.value) return null
  const { scope, value } = longest
  return { code: 'over-limit', limit: 'duration', scope, asked: until - from, most: value }
}

function limitReached(pool: Pool, booking: Booking, now: Millis): OverLimit | null {
  const { policy } = pool
  const { owner, groups = [], request, term } = booking
  const subject = { account: owner.account, groups }
  const account = limitedAs(owner.account)
  const bookings = bookingsOf(pool)
  const own = bookings.filter((other) => limitedAs(other.owner.account) === account)
  const limit = limitFor(policy, 'max-waiting', subject)
  const mostOwn = limit?.value ?? MOST_ENTRIES_PER_ACCOUNT
  if (own.length >= mostOwn) {
    const scope = limit === undefined ? {} : { scope: limit.scope }
    return { ...tooManyBookings(own, mostOwn, now), limit: 'bookings', ...scope }
  }
  if (bookings.length >= MOST_BOOKINGS) {
    return { ...tooManyBookings(bookings, MOST_BOOKINGS, now), limit: 'all-bookings' }
  }
  const gpus = limitFor(policy, 'max-gpus', subject)
  if (gpus === undefined) return null
  const peak = peakOf(usesOf(pool, account, now), term.from, term.until)
  const requested = sizeOf(request)
  if (peak.units + requested <= gpus.value) return null
  const { scope, value: most } = gpus
  const { at } = peak
  return {
    ...{ code: 'over-limit', limit: 'gpus', scope, requested, used: peak.units, most, at },
    ...ownBookings(pool, account, at),
  }
}

/** With the time at which the first booking begins, if one more is possible then. */
function tooManyBookings(bookings: readonly Booking[], most: number, now: Millis) {
  const [first] = bookings
  const frees = first === undefined || bookings.length > most ? {} : { frees: { at: first.term.from, now } }
  return { code: 'over-limit' as const, booked: bookings.length, most, ...frees }
}
