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
  /** Whether the rules of the pool and the limits of the account allow the booking to begin then. */
  readonly isAllowed: (from: Millis) => boolean
  /** Whether there is room for it then. Each call takes as long as a booking. */
  readonly fits: (from: Millis) => boolean
}

/** Why there are not enough units for a booking. */
export function unbookable(pool: Pool, wanted: Booking, { now, evidence, ...tests }: Conditions): Unbookable {
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
  const earliest = laterStart(laterTimes(pool, ids.difference(unusable), wanted), tests)
  return {
    ...{ code: 'unbookable', requested: sizeOf(request), available: ids.size - taken.size },
    ...{ from, until, now, busy, booked, draining, occupied, faulty },
    ...(earliest === undefined ? {} : { earliest }),
  }
}

const SECOND: Millis = 1_000
const MINUTE: Millis = 60 * SECOND

const nextWhole = (step: Millis, at: Millis): Millis => Math.ceil(at / step) * step

/**
 * The times at which enough of these units are free, if no booking moves to another unit. In whole seconds: the
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
  const freeAt = (time: Millis) => [...units].filter((unit) => isFree(unit, time)).length
  return times.filter((time) => freeAt(time) >= sizeOf(request))
}

/** How many of the first times are tried; then only the last one, after all known ends. */
const MOST_TRIES = 3

/**
 * A time at which the booking fits: the first that was found, in a whole minute if it fits then too. Undefined if none
 * was found.
 */
function laterStart(
  times: readonly Millis[],
  { isAllowed, fits }: Pick<Conditions, 'isAllowed' | 'fits'>,
): Millis | undefined {
  const allowed = times.filter(isAllowed)
  const tried = allowed.slice(0, MOST_TRIES)
  const first = tried.find(fits) ?? allowed.slice(MOST_TRIES).slice(-1).find(fits)
  if (first === undefined) return undefined
  const minute = nextWhole(MINUTE, first)
  return isAllowed(minute) && fits(minute) ? minute : first
}
