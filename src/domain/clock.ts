import type { Millis, Moment, Pool, Reservation, TimeLimit } from './model.ts'

/** Reading two clocks is not one instant; less than this is no jump. */
const TOLERANCE_MS = 1_000

/**
 * Heals a wall clock that was set: shifts every time in the pool by as much as the wall clock moved
 * against steady time since the pool was written, so that what had an hour left still has an hour left
 * and nothing started in the future. Across a reboot steady time cannot be compared; then only a wall
 * clock that went backwards shows, and counts as no time passed.
 */
export function followClock(pool: Pool, moment: Moment): Pool {
  const jump = wallJump(pool.writtenAt, moment)
  return jump === 0 ? pool : shifted(pool, jump)
}

function wallJump(before: Moment, now: Moment): Millis {
  const wall = now.wall - before.wall
  if (before.steady.epoch !== now.steady.epoch) return Math.min(wall, 0)
  const jump = wall - (now.steady.ms - before.steady.ms)
  return Math.abs(jump) < TOLERANCE_MS ? 0 : jump
}

function shifted(pool: Pool, by: Millis): Pool {
  return {
    ...pool,
    gpus: pool.gpus.map((gpu) =>
      gpu.releasedAt === undefined ? gpu : { ...gpu, releasedAt: gpu.releasedAt + by },
    ),
    reservations: pool.reservations.map((reservation) => shiftedReservation(reservation, by)),
    queue: pool.queue.map((entry) => ({
      ...entry,
      joinedAt: entry.joinedAt + by,
      heartbeatAt: entry.heartbeatAt + by,
      ...(entry.waitUntil === undefined ? {} : { waitUntil: entry.waitUntil + by }),
      ...(entry.servableSince === undefined ? {} : { servableSince: entry.servableSince + by }),
    })),
  }
}

function shiftedReservation(reservation: Reservation, by: Millis): Reservation {
  const startedAt = reservation.startedAt + by
  switch (reservation.kind) {
    case 'run':
      return {
        ...reservation,
        startedAt,
        heartbeatAt: reservation.heartbeatAt + by,
        ...(reservation.timeLimit === undefined
          ? {}
          : { timeLimit: shiftedLimit(reservation.timeLimit, by) }),
      }
    case 'manual':
      return { ...reservation, startedAt, expiresAt: reservation.expiresAt + by }
  }
}

const shiftedLimit = (limit: TimeLimit, by: Millis): TimeLimit => ({
  interruptAt: limit.interruptAt + by,
  killAt: limit.killAt + by,
})
