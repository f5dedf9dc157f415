import { availabilityOf, type Evidence } from '../observation/allocation.ts'
import { bookedUnits, bookingsOf } from '../pool/bookings.ts'
import type { Booking, Millis, Pool, UnitId } from '../pool/model.ts'
import { isSuitable } from '../pool/suitable.ts'
import { unitsOf } from '../pool/units.ts'
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
  const unusable = new Set([draining, occupied, faulty].flat().map(({ unit }) => unit))
  const first = laterTimes(pool, ids.difference(unusable), wanted).find(fits)
  const earliest = first === undefined ? undefined : inWholeMinute(first, fits)
  return {
    ...{ code: 'unbookable', requested: sizeOf(request), available: ids.size - taken.size },
    ...{ from, until, now, busy, booked, draining, occupied, faulty },
    ...(earliest === undefined ? {} : { earliest }),
  }
}

/** Each try takes as long as a booking. */
const MOST_TRIES = 3

const SECOND: Millis = 1_000
const MINUTE: Millis = 60 * SECOND

const nextWhole = (step: Millis, at: Millis): Millis => Math.ceil(at / step) * step

/**
 * The next times at which enough of these units are free, if no booking moves to another unit. In whole seconds: the
 * user can type them.
 */
function laterTimes(pool: Pool, units: ReadonlySet<UnitId>, { request, term }: Booking): readonly Millis[] {
  const taken = new Map([...units].map((unit) => [unit, [] as { from: Millis; until: Millis }[]]))
  for (const held of pool.reservations) {
    for (const unit of unitsOf(held)) taken.get(unit)?.push({ from: 0, until: knownEnd(held) })
  }
  for (const booking of bookingsOf(pool))
    for (const unit of unitsOf(booking)) taken.get(unit)?.push(booking.term)
  const length = term.until - term.from
  const ends = [...taken.values()].flat().map(({ until }) => until)
  const later = ends.filter((end) => end > term.from && end < NEVER).map((end) => nextWhole(SECOND, end))
  const times = [...new Set(later)].sort((a, b) => a - b)
  const isFree = (unit: UnitId, from: Millis) =>
    taken.get(unit)?.every((each) => each.until <= from || from + length <= each.from) === true
  const found: Millis[] = []
  for (const time of times) {
    let free = 0
    for (const unit of units) if (isFree(unit, time)) free++
    if (free >= sizeOf(request)) found.push(time)
    if (found.length === MOST_TRIES) break
  }
  return found
}

/** The next whole minute, unless the booking no longer fits then. */
function inWholeMinute(first: Millis, fits: Conditions['fits']): Millis {
  const minute = nextWhole(MINUTE, first)
  return fits(minute) ? minute : first
}
