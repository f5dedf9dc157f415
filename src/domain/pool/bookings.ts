import { shownName } from '../ledger/shown-names.ts'
import type { Booking, BookingTerm, Millis, Pool, Reservation, UnitId } from './model.ts'
import { unitsOf } from './units.ts'

/** The bookings that have not begun, in the order of their begin. */
export const bookingsOf = ({ bookings = NONE }: Pick<Pool, 'bookings'>): readonly Booking[] => bookings

const NONE: readonly Booking[] = []

/** The pool with these bookings, in any order. */
export function withBookings(pool: Pool, bookings: readonly Booking[]): Pool {
  const { bookings: _, ...others } = pool
  if (bookings.length === 0) return others
  return { ...others, bookings: bookings.toSorted((a, b) => a.term.from - b.term.from) }
}

/** The pool with other units for some of its bookings. Returns the same pool if there are none. */
export function withChanged(pool: Pool, changed: readonly Booking[]): Pool {
  if (changed.length === 0) return pool
  const byId = new Map(changed.map((booking) => [booking.id, booking]))
  return { ...pool, bookings: bookingsOf(pool).map((booking) => byId.get(booking.id) ?? booking) }
}

/** The reservation that a booking becomes if it begins at this time. */
export function begunAt(booking: Booking, startedAt: Millis): Reservation<BookingTerm> {
  const { id, owner, holdings, note, term } = booking
  return { id, owner, holdings, startedAt, ...(note === undefined ? {} : { note }), term }
}

/** A unit that is free, or held, until a booking begins. */
export interface Booked {
  readonly unit: UnitId
  /** Id and owner of the booking. */
  readonly id: string
  readonly by: string
  readonly from: Millis
  readonly until: Millis
}

/** The units that are planned for a booking. */
export const bookedUnits = (booking: Booking): readonly Booked[] =>
  unitsOf(booking).map((unit) => {
    const { id, term } = booking
    return { unit, id, by: shownName(booking), from: term.from, until: term.until }
  })

/** The next booking on each unit. */
export function nextBookings(pool: Pick<Pool, 'bookings'>): ReadonlyMap<UnitId, Booked> {
  const next = new Map<UnitId, Booked>()
  for (const booking of bookingsOf(pool)) {
    for (const booked of bookedUnits(booking)) if (!next.has(booked.unit)) next.set(booked.unit, booked)
  }
  return next
}
