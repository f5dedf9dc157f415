import { bookingsOf, withBookings } from '../pool/bookings.ts'
import type { Booking, Millis, Pool } from '../pool/model.ts'
import { wantedUnits } from '../pool/suitable.ts'
import { unitsOf } from '../pool/units.ts'
import { arranged } from '../schedule/arrangement.ts'
import { isPossible } from './acquisition.ts'

/**
 * The pool, whose units have changed, with the bookings that these units can still keep. The first ones that were made
 * come first. No operation can refuse what has happened to the hardware, so the others are lost.
 */
export function withKeptBookings(pool: Pool, bookings: readonly Booking[], now: Millis): Pool {
  let kept = withBookings(pool, [])
  for (const booking of bookings.toSorted((a, b) => a.bookedAt - b.bookedAt)) {
    if (!isPossible(booking.request, pool)) continue
    const wanted = wantedUnits(pool, booking.request)
    const others = bookingsOf(kept).filter((other) => overlap(booking, other))
    const taken = others.flatMap(unitsOf)
    const isPlaced = unitsOf(booking).every((unit) => wanted.includes(unit) && !taken.includes(unit))
    const asked = isPlaced ? booking : { ...booking, holdings: [] }
    kept = arranged(withBookings(kept, [...bookingsOf(kept), asked]), { now }) ?? kept
  }
  return kept
}

const overlap = ({ term: a }: Booking, { term: b }: Booking): boolean => a.from < b.until && b.from < a.until
