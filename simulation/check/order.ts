import type { Pool, Probe, QueueEntry, Request, Reservation, UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { bookingsIn, canKeepAll, earliestStart, endOf, isBooked, neededBy } from './booked-times.ts'
import { apparentAge } from './frame.ts'
import { isOverLimit, withinLimits } from './limits.ts'
import { sizeOf, wants } from './requests.ts'
import { isShownFree, readingOf } from './shown.ts'
import { type Audit, canSee, isSeenStopped } from './truth.ts'

export const UNRESPONSIVE_AFTER = 10_000
/** How long an unresponsive waiter may take to ask for its GPUs once it can run. */
const ASKS_AFTER = 15_000

export interface Granted {
  readonly reservation: Reservation
  /** All other reservations. */
  readonly others: readonly Reservation[]
  /** The units that could be granted before this grant. */
  readonly free: readonly UnitId[]
}

/**
 * I5: a grant must not delay a waiter ahead. It does not delay
 * (a) a waiter that wants none of the granted GPUs;
 * (b) a waiter that could not start before the declared end of the grant, because reservations with a known end, or
 *     bookings, block it until then;
 * (c) a waiter without a declared end, if (b) holds for a waiter further ahead that waits for the same GPUs: it cannot
 *     start before that one;
 * (d) waiters that can all start together with the GPUs that the grant leaves free.
 *
 * A waiter that could have started for ten seconds and did not is unresponsive. It is skipped until it asks again. A
 * stopped waiter is skipped at once, until it continues. A waiter is also skipped if it could not start even after the
 * end of all reservations, because too many GPUs seem unusable. So is a waiter that a limit of its account keeps from
 * starting. A waiter that died since the decision is not delayed.
 */
export function auditOrder(audit: Audit, granted: Granted): void {
  const { moment, report } = audit
  const { reservation, free } = granted
  const known = { after: audit.after, probe: audit.process.lastProbe, wall: moment.wall }
  const counting = before(audit, reservation.id).filter(
    (entry) =>
      !isSeenStopped(audit, entry.id) &&
      !isBlocked(known, entry) &&
      (!isUnresponsive(entry, moment.wall) || mustHaveAsked(audit, entry)),
  )
  const waiting = withinLimits({ ...audit.after, reservations: granted.others }, counting, free)
  if (waiting.length === 0) return
  const now = moment.wall
  const given = unitsOf(reservation)
  const end = endOf(reservation)
  const starts = waiting.map((entry) => startOf(audit, entry, granted.others))
  const delayed = waiting.filter((entry, at) => {
    // A dead waiter is not delayed. If the deciding process cannot see that it is dead, GPUs are still kept for it.
    if (isDead(audit, entry.id)) return false
    const wanted = given.filter((id) => wantsId(audit.after, entry.request, id))
    if (wanted.length === 0) return false
    if (end <= (starts[at] ?? now)) return false
    const isKept = (unit: UnitId) =>
      waiting
        .slice(0, at)
        .some((ahead, i) => wantsId(audit.after, ahead.request, unit) && end <= (starts[i] ?? now))
    return !(entry.term.duration === undefined && wanted.every(isKept))
  })
  const left = free.filter((unit) => !given.includes(unit))
  if (!canAllStart(audit, delayed, left)) {
    report('I5', () => `${reservation.id} with GPU ${given.join()} delays ${textOf(delayed)}`)
  }
}

/**
 * I5 at an extension: the first waiter that is not stopped must not wait longer. A waiter that needs a drained GPU does
 * not count, because it cannot start until that is restored.
 */
export function auditExtension(audit: Audit): void {
  const { before: pool, report } = audit
  const found = firstInService(audit)
  if (audit.process.purpose.kind !== 'extend' || pool === null || found === null) return
  const { after, first } = found
  const promisedEnds = after.reservations.map((reservation) => {
    const earlier = audit.truth.held.get(reservation.id)?.expiry
    const { term } = reservation
    if (earlier === undefined || term.kind === 'run' || term.kind === 'maintenance') return reservation
    const end = audit.moment.wall - apparentAge(earlier, audit.now)
    const before = term.kind === 'manual' ? { ...term, expiresAt: end } : { ...term, until: end }
    return { ...reservation, term: before }
  })
  // Bookings may have moved to make the extension possible.
  const promised = startOf({ ...audit, after: withBookingsOf(after, pool) }, first, promisedEnds)
  const now = startOf({ ...audit, after }, first, after.reservations)
  if (now <= promised + 0.5 || canStartWithRoom({ ...audit, after }, first)) return
  report('I5', () => `an extension delays ${first.id} by ${now - promised} ms`)
}

/** I5 at a booking: the first waiter that counts must not wait longer. */
export function auditBooking(audit: Audit): void {
  const { before: pool, report } = audit
  const found = firstInService(audit)
  if (pool === null || found === null) return
  const { after, first } = found
  // GPUs that cannot be used keep it from starting, as the probe of the booking shows.
  if (isBlocked({ after, probe: audit.process.lastProbe, wall: audit.moment.wall }, first)) return
  const promised = startOf({ ...audit, after: withBookingsOf(after, pool) }, first, after.reservations)
  const now = startOf({ ...audit, after }, first, after.reservations)
  if (now <= promised + 0.5 || canStartWithRoom({ ...audit, after }, first)) return
  report('I5', () => `a booking delays ${first.id} by ${now - promised} ms`)
}

/** Whether the entry can start now if the bookings move to other units. */
function canStartWithRoom({ after, moment }: Audit, entry: QueueEntry): boolean {
  const held = new Set(after.reservations.flatMap(unitsOf))
  const free = after.units.filter((unit) => wants(entry.request, unit) && !held.has(unit.id))
  const until = moment.wall + neededBy(after, entry)
  return choicesOf(
    free.map(({ id }) => id),
    sizeOf(entry.request),
  ).some((units) => canKeepAll(after, { units, until }, moment.wall))
}

/**
 * The first waiter that counts, and the pool without the drained GPUs. Null if one behind it may start before it,
 * because it is unresponsive or its limit may keep it from starting now.
 */
function firstInService(audit: Audit): { readonly after: Pool; readonly first: QueueEntry } | null {
  const after = { ...audit.after, units: audit.after.units.filter(({ drain }) => drain === undefined) }
  const first = after.queue.find(
    (entry) =>
      !isSeenStopped(audit, entry.id) &&
      after.units.filter((unit) => wants(entry.request, unit)).length >= sizeOf(entry.request),
  )
  if (first === undefined || mayBeOverLimit(after, first) || isUnresponsive(first, audit.moment.wall))
    return null
  return { after, first }
}

/** Whether the limit of its account may keep the entry from starting, also after other entries of the account have started. */
function mayBeOverLimit(pool: Pool, entry: QueueEntry): boolean {
  const { uid } = entry.owner.account
  const others = pool.queue.filter((each) => each !== entry && each.owner.account.uid === uid)
  const started = others.reduce((sum, { request }) => sum + sizeOf(request), 0)
  return isOverLimit(pool, entry, started)
}

/** With the bookings that were there before, on the units that they had. Their times follow the clock. */
function withBookingsOf(after: Pool, before: Pool): Pool {
  const holdings = new Map(bookingsIn(before).map((booking) => [booking.id, booking.holdings]))
  const bookings = bookingsIn(after).flatMap((booking) => {
    const had = holdings.get(booking.id)
    return had === undefined ? [] : [{ ...booking, holdings: had }]
  })
  return { ...after, bookings }
}

/** The time until which known ends and bookings keep an entry from starting. */
const startOf = ({ after, moment }: Audit, entry: QueueEntry, others: readonly Reservation[]): number =>
  earliestStart(after, others, {
    ...{ request: entry.request, needed: neededBy(after, entry), wall: moment.wall },
  })

const isDead = ({ truth }: Audit, id: string): boolean => truth.waiting.get(id)?.process.isAlive === false

/** A GPU that was released more recently than this may still show the use of its last holder. */
const JUST_RELEASED = 10_000

/** Whether the entry could not start even if all reservations ended, by this probe. */
export function isBlocked(
  { after, probe, wall }: { readonly after: Pool; readonly probe: Probe | undefined; readonly wall: number },
  { request }: QueueEntry,
): boolean {
  const held = new Set(after.reservations.flatMap(unitsOf))
  const usable = after.units.filter((unit) => {
    const { id, lastUse, drain } = unit
    if (!wants(request, unit) || drain !== undefined) return false
    if (readingOf(after, id, probe)?.state.kind !== 'measured') return false
    if (held.has(id) || isShownFree(after, id, probe)) return true
    return lastUse !== undefined && wall - lastUse.endedAt < JUST_RELEASED
  })
  return usable.length < sizeOf(request)
}

export const isUnresponsive = (entry: QueueEntry, now: number): boolean =>
  entry.startableSince !== undefined && entry.startableSince + UNRESPONSIVE_AFTER <= now

/**
 * Whether an unresponsive waiter has run for so long that it must have asked for its GPUs. It need not have asked if a
 * waiter ahead is stopped and it cannot see that.
 */
function mustHaveAsked(audit: Audit, { id }: QueueEntry): boolean {
  const { truth, machine, after } = audit
  const process = truth.waiting.get(id)?.process
  if (process?.state !== 'running' || machine.driver.kind !== 'working') return false
  const place = after.queue.findIndex((entry) => entry.id === id)
  const ahead = after.queue.slice(0, place).map((entry) => truth.waiting.get(entry.id)?.process)
  if (ahead.some((each) => each?.state === 'stopped' && !canSee(process, each))) return false
  const works = Math.max(process.resumedAt, machine.driver.since, machine.stored.faultyUntil)
  return machine.scheduler.now - works > ASKS_AFTER
}

/** The waiters ahead of the granted one; a newcomer is behind all waiters. */
function before({ before: pool, after }: Audit, id: string): readonly QueueEntry[] {
  const place = pool?.queue.findIndex((entry) => entry.id === id) ?? -1
  if (pool === null || place < 0) return after.queue
  const ahead = new Set(pool.queue.slice(0, place).map((entry) => entry.id))
  return after.queue.filter((entry) => ahead.has(entry.id))
}

/** Whether these entries can start together on the free units, each for as long as it needs them. */
function canAllStart(
  { after, moment }: Audit,
  entries: readonly QueueEntry[],
  free: readonly UnitId[],
): boolean {
  const wishes = entries.map((entry) => {
    const until = moment.wall + neededBy(after, entry)
    const suited = after.units
      .filter((unit) => wants(entry.request, unit) && !isBooked(after, unit.id, moment.wall, until))
      .map(({ id }) => id)
    return { size: sizeOf(entry.request), suited }
  })
  return canAllHave(
    wishes.toSorted((a, b) => a.suited.length - b.suited.length),
    new Set(free),
  )
}

interface SuitedWish {
  readonly size: number
  readonly suited: readonly UnitId[]
}

/** The first wish takes any of the units that suit it. */
function canAllHave([wish, ...others]: readonly SuitedWish[], left: ReadonlySet<UnitId>): boolean {
  if (wish === undefined) return true
  const usable = wish.suited.filter((unit) => left.has(unit))
  for (const units of choicesOf(usable, wish.size)) {
    if (canAllHave(others, new Set([...left].filter((unit) => !units.includes(unit))))) return true
  }
  return false
}

function choicesOf(units: readonly UnitId[], size: number): readonly (readonly UnitId[])[] {
  if (size === 0) return [[]]
  return units.flatMap((unit, at) =>
    choicesOf(units.slice(at + 1), size - 1).map((others) => [unit, ...others]),
  )
}

function wantsId(pool: Pool, request: Request, id: UnitId): boolean {
  const unit = pool.units.find((each) => each.id === id)
  return unit !== undefined && wants(request, unit)
}

const textOf = (entries: readonly QueueEntry[]): string => JSON.stringify(entries)
