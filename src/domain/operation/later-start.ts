import { bookingsOf } from '../pool/bookings.ts'
import type { Booking, Millis, Pool, UnitId } from '../pool/model.ts'
import { wantedUnits } from '../pool/suitable.ts'
import { unitsOf } from '../pool/units.ts'
import type { PlannedHold } from '../schedule/arrangement.ts'
import { sizeOf } from '../schedule/demand.ts'
import { knownEnd, NEVER } from '../schedule/term-times.ts'

interface Conditions {
  /** Units that cannot be used for an unknown time. */
  readonly unusable: ReadonlySet<UnitId>
  /** What the waiters are expected to hold. */
  readonly expected: readonly PlannedHold[]
  /** Whether the rules of the pool and the limits of the account allow the booking to begin then. */
  readonly isAllowed: (from: Millis) => boolean
  /** Whether there is room for it then, and it delays nobody. Each call takes as long as a booking. */
  readonly fits: (from: Millis) => boolean
}

/** How many of the first times are tried; then only the last one, after all known ends. */
const MOST_TRIES = 3

/**
 * A later time at which the booking fits: the first that was found, in a whole minute if it fits then too. Undefined if
 * none was found.
 */
export function laterStart(pool: Pool, booking: Booking, conditions: Conditions): Millis | undefined {
  const { isAllowed, fits } = conditions
  const allowed = laterTimes(pool, booking, conditions).filter(isAllowed)
  const tried = allowed.slice(0, MOST_TRIES)
  const first = tried.find(fits) ?? allowed.slice(MOST_TRIES).slice(-1).find(fits)
  if (first === undefined) return undefined
  const minute = nextWhole(MINUTE, first)
  return isAllowed(minute) && fits(minute) ? minute : first
}

const SECOND: Millis = 1_000
const MINUTE: Millis = 60 * SECOND

const nextWhole = (step: Millis, at: Millis): Millis => Math.ceil(at / step) * step

/**
 * The times at which enough units are free, if no booking moves to another unit. In whole seconds: the user can type
 * them.
 */
function laterTimes(
  pool: Pool,
  { request, term }: Booking,
  { unusable, expected }: Pick<Conditions, 'unusable' | 'expected'>,
): readonly Millis[] {
  const drained = new Set(pool.units.filter(({ drain }) => drain !== undefined).map(({ id }) => id))
  const units = wantedUnits(pool, request).filter((unit) => !unusable.has(unit) && !drained.has(unit))
  const taken = new Map(units.map((unit) => [unit, [] as Pick<PlannedHold, 'from' | 'until'>[]]))
  for (const held of pool.reservations) {
    for (const unit of unitsOf(held)) taken.get(unit)?.push({ from: 0, until: knownEnd(held) })
  }
  for (const booking of bookingsOf(pool))
    for (const unit of unitsOf(booking)) taken.get(unit)?.push(booking.term)
  for (const hold of expected) for (const unit of hold.units) taken.get(unit)?.push(hold)
  const length = term.until - term.from
  const ends = [...taken.values()].flat().map(({ until }) => until)
  const later = ends.filter((end) => end > term.from && end < NEVER).map((end) => nextWhole(SECOND, end))
  const times = [...new Set(later)].sort((a, b) => a - b)
  const isFree = (unit: UnitId, from: Millis) =>
    taken.get(unit)?.every((each) => each.until <= from || from + length <= each.from) === true
  return times.filter((time) => units.filter((unit) => isFree(unit, time)).length >= sizeOf(request))
}
