import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { HEARTBEAT_STALE_MS, settle } from '../../../src/domain/operation/ending.ts'
import { followClock } from '../../../src/domain/pool/clock.ts'
import type { Millis, Moment, Pool, Reservation } from '../../../src/domain/pool/model.ts'
import { bookingOf, maintenanceOf, manualOf, NOON, poolOf, runOf, unit, units, waiterOf } from './builders.ts'

const HOUR = 3_600_000

function poolExpiringIn(left: Millis): Pool {
  const lastUse = { endedAt: NOON.wall - 2 * HOUR, uid: 1 }
  return poolOf([unit(0, { lastUse }), unit(1, { lastUse })], {
    reservations: [manualOf({ startedAt: NOON.wall - HOUR, expiresAt: NOON.wall + left })],
  })
}

const after = (passed: Millis, wallJump: Millis): Moment => ({
  wall: NOON.wall + passed + wallJump,
  steady: { ...NOON.steady, ms: NOON.steady.ms + passed },
})

const jump = fc.oneof(
  fc.integer({ min: -20 * 365 * 24 * HOUR, max: 20 * 365 * 24 * HOUR }),
  fc.integer({ min: -3_000, max: 3_000 }),
)

test('no reservation ends early or late when the clock is set', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 5_000, max: 24 * HOUR }),
      fc.integer({ min: 0, max: 48 * HOUR }),
      jump,
      (left, passed, wallJump) => {
        // A difference of up to a second may come from reading the two clocks one after the other.
        fc.pre(Math.abs(left - passed) > 1_000)
        const moment = after(passed, wallJump)
        const { pool, ended } = settle(followClock(poolExpiringIn(left), moment), moment, {
          alive: () => 'alive',
          stopped: () => false,
        })
        expect(ended.length).toBe(passed > left ? 1 : 0)
        for (const record of ended) expect(record.endedAt - record.startedAt).toBe(HOUR + left)
        for (const { startedAt } of pool.reservations) expect(startedAt).toBeLessThanOrEqual(moment.wall)
      },
    ),
    { numRuns: 500 },
  )
})

test('the pool does not change when the clocks agree', () => {
  const pool = poolExpiringIn(HOUR)
  for (const drift of [0, 999, -999]) expect(followClock(pool, after(5_000, drift))).toBe(pool)
})

test('after a reboot, a clock that is ahead counts as passed time, and a clock that is behind is corrected', () => {
  const rebooted = (wall: Millis): Moment => ({ wall, steady: { epoch: 'boot-2', ms: 1_000 } })
  const pool = poolExpiringIn(HOUR)
  const inTime = (moment: Moment) =>
    settle(followClock(pool, moment), moment, { alive: () => 'unknown', stopped: () => false })
  const forwards = inTime(rebooted(NOON.wall + 2 * HOUR))
  expect(forwards.ended).toMatchObject([{ outcome: 'expired', endedAt: NOON.wall + HOUR }])

  const early = rebooted(NOON.wall - 5 * HOUR)
  const backwards = inTime(early)
  expect(backwards.ended).toEqual([])
  expect(backwards.pool.reservations).toMatchObject([
    { startedAt: early.wall - HOUR, term: { expiresAt: early.wall + HOUR } },
  ])
})

test('without a readable epoch no time is shifted, whatever the clocks show', () => {
  const epochs = fc.constantFrom('unknown/4026531834', 'boot-1/unknown', 'unknown/unknown', '/1', 'boot-1/1')
  fc.assert(
    fc.property(epochs, epochs, jump, fc.integer({ min: 0, max: 2e9 }), (before, now, wallJump, ms) => {
      fc.pre(before !== 'boot-1/1' || now !== 'boot-1/1')
      const pool = {
        ...poolExpiringIn(HOUR),
        writtenAt: { ...NOON, steady: { ...NOON.steady, epoch: before } },
      }
      const moment = { wall: NOON.wall + wallJump, steady: { epoch: now, ms } }
      expect(followClock(pool, moment)).toBe(pool)
    }),
  )
})

test('the order of last use survives every jump', () => {
  fc.assert(
    fc.property(jump, (wallJump) => {
      const used = [0, 1, 2].map((number) =>
        unit(number, { lastUse: { endedAt: NOON.wall - number * 1_000, uid: 1 } }),
      )
      const followed = followClock(poolOf(used), after(HOUR, wallJump))
      const byAge = followed.units.toSorted((a, b) => (a.lastUse?.endedAt ?? 0) - (b.lastUse?.endedAt ?? 0))
      expect(byAge.map(({ id }) => id)).toEqual(['2', '1', '0'])
    }),
  )
})

test('a clock change shifts every time of the pool by the same amount, and changes nothing else', () => {
  const poolMovedBy = (by: Millis): Pool => {
    const at = (ms: Millis) => NOON.wall + ms + by
    const startedAt = at(-HOUR)
    const limit = { interruptAt: at(1), killAt: at(2) }
    const reservations: readonly Reservation[] = [
      runOf({ units: [0], startedAt, heartbeatAt: at(-5), limit }),
      manualOf({ units: [1], startedAt, expiresAt: at(3) }),
      bookingOf({ units: [2], startedAt, from: at(-4), until: at(4) }),
      maintenanceOf({ id: 'limited', units: [3], startedAt, from: at(-6), until: at(6) }),
      maintenanceOf({ id: 'open', units: [4], startedAt, from: at(-7) }),
    ]
    const times = { joinedAt: at(-8), heartbeatAt: at(-9) }
    const queue = [
      waiterOf({ id: 'first', ...times }),
      waiterOf({ id: 'second', ...times, waitUntil: at(10), startableSince: at(-11), duration: 12 }),
    ]
    const lastUse = { endedAt: at(-13), uid: 1 }
    return poolOf([unit(0, { lastUse }), ...units(6).slice(1)], { reservations, queue })
  }
  fc.assert(
    fc.property(jump, fc.nat(48 * HOUR), (wallJump, passed) => {
      fc.pre(Math.abs(wallJump) >= 1_000)
      expect(followClock(poolMovedBy(0), after(passed, wallJump))).toEqual(poolMovedBy(wallJump))
    }),
  )
})

describe('heartbeats', () => {
  const beating = (heartbeatAgo: Millis, epoch: string): Pool => ({
    ...poolOf(units(1), { reservations: [runOf({ heartbeatAt: NOON.wall - heartbeatAgo })] }),
    writtenAt: { ...NOON, steady: { ...NOON.steady, epoch } },
  })
  const epochs = fc.constantFrom('unknown/1', 'boot-1/1', 'boot-2/1')
  const ended = (pool: Pool, moment: Moment) =>
    settle(followClock(pool, moment), moment, { alive: () => 'unknown', stopped: () => false }).ended.length >
    0

  test('age by the time since boot, for any boot ids and any clock changes', () => {
    fc.assert(
      fc.property(
        epochs,
        epochs,
        fc.integer({ min: 0, max: 10 * 60_000 }),
        fc.integer({ min: 0, max: HOUR }),
        jump,
        (before, now, ago, passed, wallJump) => {
          fc.pre(Math.abs(ago + passed - HEARTBEAT_STALE_MS) > 1_000)
          const { wall, steady } = after(passed, wallJump)
          const isStale = ago + passed > HEARTBEAT_STALE_MS
          expect(ended(beating(ago, before), { wall, steady: { ...steady, epoch: now } })).toBe(isStale)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('in the future that cannot be corrected count from the first read', () => {
    const moment: Moment = { wall: NOON.wall - 9 * HOUR, steady: { epoch: 'unknown/1', ms: 1_000 } }
    const { pool } = settle(followClock(beating(0, 'boot-1/1'), moment), moment, {
      alive: () => 'unknown',
      stopped: () => false,
    })
    expect(pool.reservations).toMatchObject([{ term: { heartbeatAt: moment.wall } }])
  })
})
