import { availabilityOf, type Evidence } from '../observation/allocation.ts'
import { bookedUnits, bookingsOf } from '../pool/bookings.ts'
import type { Booking, Millis, Pool, UnitId } from '../pool/model.ts'
import { isSuitable } from '../pool/suitable.ts'
import { sizeOf } from '../schedule/demand.ts'
import { knownEnd, NEVER } from '../schedule/term-times.ts'
import type { Unbookable } from './refusal.ts'
import { busyUnits, drainingIn, faultIn, usersIn } from './shortage.ts'

interface Conditions {
  readonly now: Millis
  readonly evidence: Evidence
  /** Whether the booking could begin then. */
  readonly fits: (from: Millis) => boolean
}

/** Why there are not enough units for a booking. */
export function unbookable(pool: Pool, wanted: Booking, { now, evidence, fits }: Conditions): Unbookable {
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
  const first = laterTimes(pool, from).find(fits)
  const earliest = first === undefined ? undefined : inWholeMinute(first, fits)
  return {
    ...{ code: 'unbookable', requested: sizeOf(request), available: ids.size - taken.size },
    ...{ from, until, now, busy, booked, draining, occupied, faulty },
    ...(earliest === undefined ? {} : { earliest }),
  }
}

/** Each of these times is tried, which takes longer with many bookings. */
const MOST_TRIES = 32

const SECOND: Millis = 1_000
const MINUTE: Millis = 60 * SECOND

const nextWhole = (step: Millis, at: Millis): Millis => Math.ceil(at / step) * step

/** The next known ends, at which units become free, in whole seconds: the user can type them. */
function laterTimes(pool: Pool, from: Millis): readonly Millis[] {
  const ends = [...pool.reservations, ...bookingsOf(pool)].map(knownEnd)
  const times = ends.filter((end) => end > from && end < NEVER).map((end) => nextWhole(SECOND, end))
  return [...new Set(times)].sort((a, b) => a - b).slice(0, MOST_TRIES)
}

/** The next whole minute, unless the booking no longer fits then. */
function inWholeMinute(first: Millis, fits: Conditions['fits']): Millis {
  const minute = nextWhole(MINUTE, first)
  return fits(minute) ? minute : first
}
