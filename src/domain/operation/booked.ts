import { type Evidence, reservedUnits, unreservedAvailability } from '../observation/allocation.ts'
import { isOccupied, isWork } from '../observation/evidence.ts'
import { evidenceOf } from '../observation/observation.ts'
import type { UnitUse } from '../observation/readings.ts'
import { limitedAs, limitFor } from '../policy/limits.ts'
import { begunAt, bookingsOf, withBookings, withChanged } from '../pool/bookings.ts'
import type { Booking, Millis, Pool, Reservation, UnitId } from '../pool/model.ts'
import { wantedUnits } from '../pool/suitable.ts'
import { unitsOf, wholeUnits } from '../pool/units.ts'
import { arranged } from '../schedule/arrangement.ts'
import { sizeOf } from '../schedule/demand.ts'
import { knownEnd } from '../schedule/term-times.ts'
import { type Ended, endWhere } from './ending.ts'
import type { Context } from './operation.ts'

/** Other bookings may need some of the free units. */
const MOST_TRIES = 64

/** A booking that has begun is released if its units are still unused after this time. */
export const UNUSED_AFTER_MS: Millis = 30 * 60_000

/**
 * Begins the bookings that are due, and releases those that nobody uses. Both need a reading: a unit that somebody uses
 * is never granted, and a missing reading proves nothing.
 */
export function followBookings(pool: Pool, { now, observed }: Pick<Context, 'now' | 'observed'>): Ended {
  if (observed === undefined || !needsReading(pool, now.wall)) return { pool, ended: [] }
  const conditions = { now: now.wall, evidence: evidenceOf(pool, observed) }
  const { pool: released, ended } = releaseUnused(withUseNoted(pool, conditions), conditions)
  return { pool: beginDue(released, conditions), ended }
}

/** Whether a booking is due, or nobody has seen use of one that has begun. */
export const needsReading = (pool: Pool, now: Millis): boolean =>
  bookingsOf(pool).some(({ term }) => term.from <= now) || pool.reservations.some(isUnseen)

/** How soon a booking tries to begin again, and use of one that has begun is looked for again. */
const BEGIN_AGAIN_AFTER_MS: Millis = 10_000
const LOOK_AGAIN_AFTER_MS: Millis = 60_000

/** When a reading should be taken next for the bookings; infinite if there is none. */
export function nextReadingAt(pool: Pool, now: Millis): Millis {
  const begins = bookingsOf(pool).map(({ term }) =>
    term.from > now ? term.from : Math.min(term.until, now + BEGIN_AGAIN_AFTER_MS),
  )
  const looks = pool.reservations.filter(isUnseen).map(({ startedAt }) => {
    const unusedAt = startedAt + UNUSED_AFTER_MS
    return unusedAt > now ? Math.min(unusedAt, now + LOOK_AGAIN_AFTER_MS) : now + LOOK_AGAIN_AFTER_MS
  })
  return Math.min(Number.POSITIVE_INFINITY, ...begins, ...looks)
}

const isUnseen = ({ term }: Reservation): boolean => term.kind === 'booking' && term.usedAt === undefined

interface Conditions {
  readonly now: Millis
  readonly evidence: Evidence
}

function withUseNoted(pool: Pool, { now, evidence }: Conditions): Pool {
  const noted = (held: Reservation): Reservation =>
    held.term.kind === 'booking' && isUnseen(held) && unitsOf(held).some((unit) => isUsed(unit, evidence))
      ? { ...held, term: { ...held.term, usedAt: now } }
      : held
  const reservations = pool.reservations.map(noted)
  return reservations.some((held, at) => held !== pool.reservations[at]) ? { ...pool, reservations } : pool
}

const releaseUnused = (pool: Pool, { now, evidence }: Conditions): Ended =>
  endWhere(pool, (held) =>
    isUnseen(held) &&
    now - held.startedAt >= UNUSED_AFTER_MS &&
    unitsOf(held).every((unit) => isIdle(evidence.readings.get(unit)?.use, evidence))
      ? { outcome: 'unused', at: now }
      : null,
  )

/** Use by any account counts: the owner of a process may be unknown. */
function isUsed(unit: UnitId, evidence: Evidence): boolean {
  const use = evidence.readings.get(unit)?.use
  return use?.kind === 'measured' && !isIdle(use, evidence)
}

const isIdle = (use: UnitUse | undefined, { thresholdMb }: Evidence): boolean =>
  use?.kind === 'measured' && !isOccupied(use, thresholdMb) && !use.processes.some(isWork)

/** In the order of their begin, so an earlier booking gets a free unit before a later one. */
function beginDue(pool: Pool, conditions: Conditions): Pool {
  let current = pool
  for (const booking of bookingsOf(pool)) {
    if (booking.term.from > conditions.now) break
    current = begun(current, booking.id, conditions)
  }
  return current
}

/**
 * Begins the booking on its units, or on other free ones in place of those that are not free. If too few are free, it
 * waits and keeps those that are: nobody overtakes it.
 */
function begun(pool: Pool, id: string, { now, evidence }: Conditions): Pool {
  const bookings = bookingsOf(pool)
  const booking = bookings.find((each) => each.id === id)
  if (booking === undefined) return pool
  const others = bookings.filter((each) => each !== booking)
  const isPlanned = plannedBy(others.filter(({ term }) => term.from < booking.term.until))
  const isTaken = plannedBy(others.filter(({ term }) => term.from <= now))
  const own = unitsOf(booking)
  const free = freeUnits(pool, booking, evidence).filter((unit) => !isTaken(unit))
  const preferred = [
    ...free.filter((unit) => own.includes(unit)),
    ...free.filter((unit) => !own.includes(unit) && !isPlanned(unit)),
  ]
  const choices = [...preferred, ...free.filter((unit) => !preferred.includes(unit))]
  const size = sizeOf(booking.request)
  if (choices.length >= size && !isOverrunLimit(pool, booking, now)) {
    let tries = MOST_TRIES
    for (const units of choicesOf(choices, size)) {
      if (tries-- === 0) break
      const holder = begunAt({ ...booking, holdings: wholeUnits(units) }, now)
      const asked = { ...withBookings(pool, others), reservations: [...pool.reservations, holder] }
      const after = arranged(asked, { now, before: pool })
      if (after !== null) return after
    }
  }
  return collected(pool, booking, { now, choices, least: preferred.length })
}

interface Collecting {
  readonly now: Millis
  /** Free units, the best first. */
  readonly choices: readonly UnitId[]
  /** The number of these that no later booking was to have. */
  readonly least: number
}

/** The booking waits on as many free units as possible. Later bookings get others, if there are any. */
function collected(pool: Pool, booking: Booking, { now, choices, least }: Collecting): Pool {
  const own = unitsOf(booking)
  const others = bookingsOf(pool).filter((each) => each !== booking)
  for (let count = choices.length; count >= least; count--) {
    const taken = choices.slice(0, count)
    const kept = [...taken, ...own.filter((unit) => !taken.includes(unit))].slice(0, sizeOf(booking.request))
    if (kept.every((unit) => own.includes(unit))) return pool
    const moved = { ...booking, holdings: wholeUnits(kept) }
    if (count === least) return withChanged(pool, [moved])
    // Others are arranged as if it had begun, so that it keeps these units.
    const reservations = [...pool.reservations, begunAt(moved, now)]
    const after = arranged({ ...withBookings(pool, others), reservations }, { now, before: pool })
    if (after !== null) {
      return { ...withBookings(after, [...bookingsOf(after), moved]), reservations: pool.reservations }
    }
  }
  return pool
}

function plannedBy(bookings: readonly Booking[]): (unit: UnitId) => boolean {
  const planned = new Set(bookings.flatMap(unitsOf))
  return (unit) => planned.has(unit)
}

/** Units without a reservation that the readings show idle, or used only by the account of the booking. */
function freeUnits(pool: Pool, { request, owner }: Booking, evidence: Evidence): readonly UnitId[] {
  const reserved = reservedUnits(pool)
  const drained = new Set(pool.units.filter(({ drain }) => drain !== undefined).map(({ id }) => id))
  const { uid, userNamespace } = owner.account
  const claimed = userNamespace === undefined ? { ...evidence, claimant: uid } : evidence
  return wantedUnits(pool, request).filter(
    (unit) =>
      !reserved.has(unit) &&
      !drained.has(unit) &&
      unreservedAvailability(evidence.readings.get(unit)?.use, claimed) === 'free',
  )
}

/** Whether the account would exceed its limit because a reservation of it has not ended at its known end. */
function isOverrunLimit(pool: Pool, { owner, groups = [], request }: Booking, now: Millis): boolean {
  const limit = limitFor(pool.policy, 'max-gpus', { account: owner.account, groups })
  const own = pool.reservations.filter(
    (held) => limitedAs(held.owner.account) === limitedAs(owner.account) && held.term.kind !== 'maintenance',
  )
  if (limit === undefined || !own.some((held) => knownEnd(held) <= now)) return false
  return own.reduce((sum, { holdings }) => sum + holdings.length, sizeOf(request)) > limit.value
}

/** All choices of `count` of these units; those with the first units come first. */
function* choicesOf(units: readonly UnitId[], count: number): Generator<readonly UnitId[]> {
  if (count === 0) {
    yield []
    return
  }
  for (const [at, first] of units.entries()) {
    for (const others of choicesOf(units.slice(at + 1), count - 1)) yield [first, ...others]
  }
}
