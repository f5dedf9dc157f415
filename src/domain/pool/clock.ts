import type { Millis, Moment, Pool, QueueEntry, Reservation, Term, TimeLimit } from './model.ts'

/** Stands for a boot id or a namespace that could not be read: it equals nothing, not even itself. */
export const UNREAD = 'unknown'

/** Reading two clocks is not one instant; less than this is no jump. */
const TOLERANCE_MS: Millis = 1_000

/**
 * Heals a wall clock that was set: shifts every time in the pool by as much as the wall clock moved
 * against steady time since the pool was written, so that what had an hour left still has an hour left
 * and nothing started in the future. Between two epochs steady time cannot be compared; then only a wall
 * clock that was set back shows, by less time passed than must have. Where an epoch could not be read, nothing is
 * known of the clocks and no time is shifted but the heartbeats.
 */
export function followClock(pool: Pool, moment: Moment): Pool {
  const jump = wallJump(pool.writtenAt, moment)
  const beatJump = heartbeatJump(pool.writtenAt, moment) ?? jump
  const healed = jump === 0 ? pool : shifted(pool, jump)
  return beatJump === jump ? healed : withBeats(healed, (at) => at + beatJump - jump)
}

/**
 * What is to grow old and lies in the future, because a clock was set back and nobody could heal that, counts from
 * now on: heartbeats, and since when a waiter could be served.
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
 * A heartbeat matters only as long as its process may live, and then the machine was not restarted and steady time
 * goes on, whatever boot id anyone reads. Without this a clock put forward would make every heartbeat stale for a
 * process that cannot read the boot id. Null where time since boot is less
 * than it was, or of another time namespace.
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
 * Whether the machine was restarted in between. A different boot id alone proves nothing: a container may have
 * its own. The time since boot starts again at zero only with the kernel.
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
 * How much time has passed at least between two epochs of one time namespace: with two boot ids of one boot it is
 * the difference, and after a reboot all the time since then, which is more.
 */
function leastPassed(before: Moment, now: Moment): Millis {
  const [, namespaceBefore] = partsOf(before)
  const [, namespaceNow] = partsOf(now)
  return namespaceBefore === namespaceNow ? Math.max(now.steady.ms - before.steady.ms, 0) : 0
}

function shifted(pool: Pool, by: Millis): Pool {
  return {
    ...pool,
    units: pool.units.map((unit) =>
      unit.lastUse === undefined
        ? unit
        : { ...unit, lastUse: { ...unit.lastUse, endedAt: unit.lastUse.endedAt + by } },
    ),
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
      return { ...term, from: term.from + by, until: term.until + by }
    case 'maintenance':
      return {
        ...term,
        from: term.from + by,
        ...(term.until === undefined ? {} : { until: term.until + by }),
      }
  }
}

const shiftedLimit = (limit: TimeLimit, by: Millis): TimeLimit => ({
  interruptAt: limit.interruptAt + by,
  killAt: limit.killAt + by,
})
