import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { HEARTBEAT_STALE_MS, settle } from '../../../src/domain/operation/ending.ts'
import { followClock } from '../../../src/domain/pool/clock.ts'
import type { ManualReservation, Millis, Moment, Pool } from '../../../src/domain/pool/model.ts'
import { identity, NOON, poolOf, unusedGpus } from './arbitraries.ts'

const HOUR = 3_600_000

function poolExpiringIn(left: Millis): Pool {
  const reservation: ManualReservation = {
    id: 'r',
    gpus: [0],
    user: 'alice',
    account: { uid: 1, name: 'alice' },
    startedAt: NOON.wall - HOUR,
    kind: 'manual',
    expiresAt: NOON.wall + left,
  }
  const gpus = unusedGpus(2).map((gpu) => ({ ...gpu, releasedAt: NOON.wall - 2 * HOUR }))
  return poolOf(gpus, { reservations: [reservation] })
}

const after = (passed: Millis, wallJump: Millis): Moment => ({
  wall: NOON.wall + passed + wallJump,
  steady: { ...NOON.steady, ms: NOON.steady.ms + passed },
})

const jump = fc.oneof(
  fc.integer({ min: -20 * 365 * 24 * HOUR, max: 20 * 365 * 24 * HOUR }),
  fc.integer({ min: -3_000, max: 3_000 }),
)

test('a clock that is set ends nothing early and nothing late', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 5_000, max: 24 * HOUR }),
      fc.integer({ min: 0, max: 48 * HOUR }),
      jump,
      (left, passed, wallJump) => {
        // Up to a second of difference is not told from the reading of two clocks.
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

test('the pool is left alone when the clocks agree', () => {
  const pool = poolExpiringIn(HOUR)
  for (const drift of [0, 999, -999]) expect(followClock(pool, after(5_000, drift))).toBe(pool)
})

test('after a reboot time that passed counts, time that ran backwards does not', () => {
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
    { startedAt: early.wall - HOUR, expiresAt: early.wall + HOUR },
  ])
})

test('an epoch that could not be read heals nothing, whatever the clocks show', () => {
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
      const gpus = unusedGpus(3).map((gpu, id) => ({ ...gpu, releasedAt: NOON.wall - id * 1_000 }))
      const followed = followClock(poolOf(gpus), after(HOUR, wallJump))
      const byAge = followed.gpus.toSorted((a, b) => (a.releasedAt ?? 0) - (b.releasedAt ?? 0))
      expect(byAge.map((gpu) => gpu.id)).toEqual([2, 1, 0])
    }),
  )
})

describe('heartbeats', () => {
  const beating = (heartbeatAgo: Millis, epoch: string): Pool => ({
    ...poolOf(unusedGpus(1), {
      reservations: [
        {
          id: 'run',
          gpus: [0],
          user: 'alice',
          account: { uid: 1, name: 'alice' },
          startedAt: NOON.wall - HOUR,
          kind: 'run',
          process: identity(10),
          heartbeatAt: NOON.wall - heartbeatAgo,
          command: 'train',
        },
      ],
    }),
    writtenAt: { ...NOON, steady: { ...NOON.steady, epoch } },
  })
  const epochs = fc.constantFrom('unknown/1', 'boot-1/1', 'boot-2/1')
  const ended = (pool: Pool, moment: Moment) =>
    settle(followClock(pool, moment), moment, { alive: () => 'unknown', stopped: () => false }).ended.length >
    0

  test('grow stale by the time since boot, whatever boot ids are read and however the clock is set', () => {
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

  test('from the future, which nobody can heal, count from the first look on', () => {
    const moment: Moment = { wall: NOON.wall - 9 * HOUR, steady: { epoch: 'unknown/1', ms: 1_000 } }
    const { pool } = settle(followClock(beating(0, 'boot-1/1'), moment), moment, {
      alive: () => 'unknown',
      stopped: () => false,
    })
    expect(pool.reservations).toMatchObject([{ heartbeatAt: moment.wall }])
  })
})
