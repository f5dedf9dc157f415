import { bookingsOf, withBookings } from '../pool/bookings.ts'
import type { Booking, Millis, Pool } from '../pool/model.ts'
import { wantedUnits } from '../pool/suitable.ts'
import { unitsOf } from '../pool/units.ts'
import { arranged, type Given } from '../schedule/arrangement.ts'
import { isPossible } from './acquisition.ts'
import type { Refusal } from './refusal.ts'

/** The pool `after` a change of its units, with units for all bookings; or the refusal that names those that it breaks. */
export function withoutBroken(before: Pool, after: Pool, now: Millis): Pool | Refusal {
  const placed = arranged(after, { now, before })
  if (placed !== null) return placed
  const { pool, lost } = withKeptBookings(after, bookingsOf(before), { now, before })
  return lost.length === 0 ? pool : { refused: { code: 'breaks-bookings', bookings: lost } }
}

/**
 * The pool, whose units have changed, with the bookings that these units can still keep. The first ones that were made
 * come first. The others are lost.
 */
export function withKeptBookings(
  pool: Pool,
  bookings: readonly Booking[],
  given: Pick<Given, 'now' | 'before'>,
): { readonly pool: Pool; readonly lost: readonly Booking[] } {
  let kept = withBookings(pool, [])
  const lost: Booking[] = []
  for (const booking of bookings.toSorted((a, b) => a.bookedAt - b.bookedAt)) {
    const next = isPossible(booking.request, pool)
      ? arranged(withBookings(kept, [...bookingsOf(kept), placedIn(kept, booking)]), given)
      : null
    if (next === null) lost.push(booking)
    else kept = next
  }
  return { pool: kept, lost }
}

/** The booking, without its units if it cannot have them in this pool. */
function placedIn(pool: Pool, booking: Booking): Booking {
  const wanted = wantedUnits(pool, booking.request)
  const others = bookingsOf(pool).filter((other) => overlap(booking, other))
  const taken = others.flatMap(unitsOf)
  const isPlaced = unitsOf(booking).every((unit) => wanted.includes(unit) && !taken.includes(unit))
  return isPlaced ? booking : { ...booking, holdings: [] }
}

const overlap = ({ term: a }: Booking, { term: b }: Booking): boolean => a.from < b.until && b.from < a.until
