import type { GpuStatus } from '../observation/status.ts'
import type { Booking, BookingTerm, Millis, Pool, Reservation } from '../pool/model.ts'
import { knownEnd, NEVER } from './term-times.ts'

/** A part of the time of a unit, by its reservation and bookings. Without `until`, its end is unknown. */
export type Period =
  | { readonly kind: 'free'; readonly from: Millis; readonly until?: Millis }
  /** Neither held nor booked, but drained, faulty or in use without a reservation. */
  | { readonly kind: 'unavailable'; readonly from: Millis; readonly until?: Millis }
  | {
      readonly kind: 'held'
      readonly from: Millis
      readonly until?: Millis
      readonly reservation: Reservation
    }
  | { readonly kind: 'booked'; readonly from: Millis; readonly until: Millis; readonly booking: Booking }

/** A time for which periods are wanted. Without `until` it does not end. */
interface Span {
  readonly now: Millis
  readonly until?: Millis
}

/**
 * The periods of a unit from now on, without gaps as far as ends are known. `bookings` are those of the pool in the
 * order of their begin, up to `until`.
 */
export function timelineOf(
  status: GpuStatus,
  bookings: readonly Booking[],
  { now, until: end }: Span,
): readonly Period[] {
  const { unit } = status
  const kind = status.kind === 'available' || isFreedLater(status) ? 'free' : 'unavailable'
  const periods: Period[] = status.kind === 'reserved' ? [heldNow(status.reservation, now)] : []
  let at = periods.length === 0 ? now : periods[0]?.until
  for (const booking of bookings.filter(({ holdings }) => holdings.some((held) => held.unit === unit.id))) {
    const { from, until } = booking.term
    if (at !== undefined && at < from) periods.push({ kind, from: at, until: from })
    periods.push({ kind: 'booked', from, until, booking })
    at = until
  }
  if (at === undefined || (end !== undefined && end <= at)) return periods
  return [...periods, { kind, from: at, ...(end === undefined ? {} : { until: end }) }]
}

const isFreedLater = ({ kind, unit }: GpuStatus): boolean => kind === 'reserved' && unit.drain === undefined

/** A run that continues after its time limit has no known end. */
function heldNow(reservation: Reservation, now: Millis): Period {
  const end = knownEnd(reservation)
  const until = end === NEVER || end <= now ? {} : { until: end }
  return { kind: 'held', from: reservation.startedAt, ...until, reservation }
}

export type BegunBooking = Reservation<BookingTerm>

/** The reservations of bookings that have begun, in the order of their begin. */
export const begunBookings = (pool: Pool): readonly BegunBooking[] =>
  pool.reservations
    .flatMap(({ term, ...held }) => (term.kind === 'booking' ? [{ ...held, term }] : []))
    .toSorted((a, b) => a.term.from - b.term.from)
