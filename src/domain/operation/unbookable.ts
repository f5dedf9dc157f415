import { availabilityOf, type Evidence } from '../observation/allocation.ts'
import { bookedUnits, bookingsOf } from '../pool/bookings.ts'
import type { Booking, Millis, Pool, UnitId } from '../pool/model.ts'
import { isSuitable } from '../pool/suitable.ts'
import { sizeOf } from '../schedule/demand.ts'
import { NEVER } from '../schedule/term-times.ts'
import type { Unbookable } from './refusal.ts'
import { busyUnits, drainingIn, faultIn, usersIn } from './shortage.ts'

interface Conditions {
  readonly now: Millis
  readonly evidence: Evidence
}

/** Why there are not enough units for a booking. */
export function unbookable(
  pool: Pool,
  wanted: Booking,
  { now, evidence }: Conditions,
): Omit<Unbookable, 'earliest'> {
  const { request, owner, term } = wanted
  const { from, until } = term
  const suitable = pool.units.filter((unit) =>
    request.kind === 'ids' ? request.ids.includes(unit.id) : isSuitable(unit, request),
  )
  const ids = new Set(suitable.map(({ id }) => id))
  const isWanted = ({ unit }: { readonly unit: UnitId }) => ids.has(unit)
  const availability = [...availabilityOf(pool, evidence)].filter(([unit]) => ids.has(unit))
  const busy = busyUnits(pool, { request, owner }).filter(
    ({ until: end = NEVER }) => (end > now ? end : NEVER) > from,
  )
  const booked = bookingsOf(pool)
    .filter((other) => other.term.from < until && from < other.term.until)
    .flatMap(bookedUnits)
    .filter(isWanted)
  const draining = drainingIn(suitable)
  const occupied = availability.flatMap(([unit, is]) =>
    is === 'occupied' ? [{ unit, users: usersIn(evidence.readings.get(unit)?.use) }] : [],
  )
  const faulty = availability.flatMap(([unit, is]) =>
    is === 'faulty' ? [{ unit, fault: faultIn(evidence.readings.get(unit)?.use) }] : [],
  )
  const taken = new Set([busy, booked, draining, occupied, faulty].flat().map(({ unit }) => unit))
  return {
    ...{ code: 'unbookable', requested: sizeOf(request), available: ids.size - taken.size },
    ...{ from, until, now, busy, booked, draining, occupied, faulty },
  }
}
