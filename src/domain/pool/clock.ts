import type {
  Booking,
  BookingTerm,
  Millis,
  Moment,
  Pool,
  QueueEntry,
  Reservation,
  RunLimit,
  Term,
  Unit,
} from './model.ts'

/** Replaces a boot id or a namespace that could not be read. It must not be compared, not even with itself. */
export const UNREAD = 'unknown'

/** The two clocks are read one after the other, so a smaller difference is not a jump. */
const TOLERANCE_MS: Millis = 1_000

/**
 * Corrects the times of the pool after the wall clock was set: a reservation with an hour left still has an hour left.
 * A jump is the difference between the wall time and the steady time that passed since the pool was written. Every time
 * is shifted by the jump.
 *
 * Steady times of two epochs cannot be compared. Then only a wall clock that was set back is noticed: less wall time
 * passed than must have passed. If an epoch could not be read, only heartbeats are shifted.
 */
export function followClock(pool: Pool, moment: Moment): Pool {
  const jump = wallJump(pool.writtenAt, moment)
  const beatJump = heartbeatJump(pool.writtenAt, moment) ?? jump
  const corrected = jump === 0 ? pool : shifted(pool, jump)
  return beatJump === jump ? corrected : withBeats(corrected, (at) => at + beatJump - jump)
}

/** The heartbeat that `followClock` turns into the time of this moment. */
export const heartbeatAt = ({ writtenAt }: Pool, moment: Moment): Millis =>
  moment.wall - (heartbeatJump(writtenAt, moment) ?? wallJump(writtenAt, moment))

/**
 * Moves `heartbeatAt` and `startableSince` from the future to now. A clock that was set back, where `followClock` could
 * not correct it, would otherwise keep a dead process or an unresponsive waiter for too long.
 */
export function withoutFuture(pool: Pool, now: Millis): Pool {
  const isAhead = (at: Millis | undefined) => at !== undefined && at > now + TOLERANCE_MS
  const isAheadIn = (entry: QueueEntry) => isAhead(entry.heartbeatAt) || isAhead(entry.startableSince)
  const isAheadRun = (held: Reservation) => held.term.kind === 'run' && isAhead(held.term.heartbeatAt)
  if (!pool.reservations.some(isAheadRun) && !pool.queue.some(isAheadIn)) return pool
  const beating = withBeats(pool, (at) => (isAhead(at) ? now : at))
  return {
    ...beating,
    queue: beating.queue.map((entry) =>
      isAhead(entry.startableSince) ? { ...entry, startableSince: now } : entry,
    ),
  }
}

/**
 * The jump by which heartbeats are shifted. A heartbeat matters only while its process may be alive. Then the machine
 * was not rebooted, so steady times are comparable even if the boot id cannot be read. Without this rule, a process
 * that cannot read the boot id would find every heartbeat stale after the clock was set forward.
 *
 * Null if the jump is unknown: steady time is smaller than before, or its time namespace is another or unknown.
 */
function heartbeatJump(before: Moment, now: Moment): Millis | null {
  const [, namespaceBefore] = partsOf(before)
  const [, namespaceNow] = partsOf(now)
  const passed = now.steady.ms - before.steady.ms
  if (namespaceBefore !== namespaceNow || namespaceNow === UNREAD || passed < 0) return null
  const jump = now.wall - before.wall - passed
  return Math.abs(jump) < TOLERANCE_MS ? 0 : jump
}

function withBeats(pool: Pool, beat: (at: Millis) => Millis): Pool {
  if (pool.queue.length === 0 && !pool.reservations.some(({ term }) => term.kind === 'run')) return pool
  return {
    ...pool,
    reservations: pool.reservations.map((held) =>
      held.term.kind === 'run'
        ? { ...held, term: { ...held.term, heartbeatAt: beat(held.term.heartbeatAt) } }
        : held,
    ),
    queue: pool.queue.map((entry) => ({ ...entry, heartbeatAt: beat(entry.heartbeatAt) })),
  }
}

/**
 * Whether the machine was rebooted between the two moments. A different boot id alone is no proof: a container may have
 * its own. The time since boot starts at zero again only after a reboot.
 */
export function isReboot(before: Moment, now: Moment): boolean {
  if (!isRead(before) || !isRead(now)) return false
  const [bootBefore, namespaceBefore] = partsOf(before)
  const [bootNow, namespaceNow] = partsOf(now)
  return bootBefore !== bootNow && namespaceBefore === namespaceNow && now.steady.ms < before.steady.ms
}

/** An epoch is `<boot id>/<time namespace>`. */
const partsOf = ({ steady }: Moment): readonly string[] => steady.epoch.split('/')

/** Whether the boot id and the time namespace could be read. */
export const isRead = (moment: Moment): boolean =>
  !partsOf(moment).some((part) => part === UNREAD || part === '')

/** How far the wall clock was set between the two moments; null if they cannot be compared. */
export const clockJump = (before: Moment, now: Moment): Millis | null =>
  isRead(before) && isRead(now) ? wallJump(before, now) : null

function wallJump(before: Moment, now: Moment): Millis {
  if (!isRead(before) || !isRead(now)) return 0
  const wall = now.wall - before.wall
  if (before.steady.epoch !== now.steady.epoch) {
    const setBack = Math.min(wall - leastPassed(before, now), 0)
    return wall >= 0 && -setBack < TOLERANCE_MS ? 0 : setBack
  }
  const jump = wall - (now.steady.ms - before.steady.ms)
  return Math.abs(jump) < TOLERANCE_MS ? 0 : jump
}

/**
 * A lower bound of the time between two epochs of one time namespace. With two boot ids of the same boot it is the
 * difference of the steady times. After a reboot more time has passed than that difference.
 */
function leastPassed(before: Moment, now: Moment): Millis {
  const [, namespaceBefore] = partsOf(before)
  const [, namespaceNow] = partsOf(now)
  return namespaceBefore === namespaceNow ? Math.max(now.steady.ms - before.steady.ms, 0) : 0
}

function shifted(pool: Pool, by: Millis): Pool {
  return {
    ...pool,
    units: pool.units.map((unit) => shiftedUnit(unit, by)),
    reservations: pool.reservations.map((held) => ({
      ...held,
      startedAt: held.startedAt + by,
      term: shiftedTerm(held.term, by),
    })),
    queue: pool.queue.map((entry) => ({
      ...entry,
      joinedAt: entry.joinedAt + by,
      heartbeatAt: entry.heartbeatAt + by,
      ...(entry.waitUntil === undefined ? {} : { waitUntil: entry.waitUntil + by }),
      ...(entry.startableSince === undefined ? {} : { startableSince: entry.startableSince + by }),
    })),
    ...(pool.bookings === undefined
      ? {}
      : { bookings: pool.bookings.map((each) => shiftedBooking(each, by)) }),
  }
}

const shiftedBooking = (booking: Booking, by: Millis): Booking => ({
  ...booking,
  bookedAt: booking.bookedAt + by,
  term: shiftedBookingTerm(booking.term, by),
})

const shiftedBookingTerm = (term: BookingTerm, by: Millis): BookingTerm => ({
  ...term,
  from: term.from + by,
  until: term.until + by,
  ...(term.usedAt === undefined ? {} : { usedAt: term.usedAt + by }),
})

function shiftedUnit(unit: Unit, by: Millis): Unit {
  const { lastUse, drain } = unit
  return {
    ...unit,
    ...(lastUse === undefined ? {} : { lastUse: { ...lastUse, endedAt: lastUse.endedAt + by } }),
    ...(drain === undefined ? {} : { drain: { ...drain, since: drain.since + by } }),
  }
}

function shiftedTerm(term: Term, by: Millis): Term {
  switch (term.kind) {
    case 'run':
      return {
        ...term,
        heartbeatAt: term.heartbeatAt + by,
        ...(term.limit === undefined ? {} : { limit: shiftedLimit(term.limit, by) }),
      }
    case 'manual':
      return { ...term, expiresAt: term.expiresAt + by }
    case 'booking':
      return shiftedBookingTerm(term, by)
    case 'maintenance':
      return {
        ...term,
        from: term.from + by,
        ...(term.until === undefined ? {} : { until: term.until + by }),
      }
  }
}

const shiftedLimit = (limit: RunLimit, by: Millis): RunLimit => ({
  ...limit,
  interruptAt: limit.interruptAt + by,
  killAt: limit.killAt + by,
})
