import { describe, expect, test } from 'bun:test'
import { bookingsOf } from '../../../src/domain/pool/bookings.ts'
import type { Millis } from '../../../src/domain/pool/model.ts'
import { manualOf, owner, runOf, someUnits, theseUnits } from '../pool/builders.ts'
import {
  BOB,
  BOOKABLE,
  granted,
  HOUR,
  LOST,
  limit,
  MINUTE,
  NOW,
  ROOT,
  refusedBy,
  usedBy,
  World,
} from './world.ts'

const DAY = 24 * HOUR

describe('book', () => {
  test('promises units for a later time, and the same request again has the same answer', () => {
    const world = new World(2)
    const booking = granted(world.book(someUnits(2), HOUR, { id: 'a' }))
    expect(booking).toMatchObject({
      ...{ id: 'a', bookedAt: NOW },
      holdings: [{ unit: '0' }, { unit: '1' }],
      term: { kind: 'booking', from: NOW + HOUR, until: NOW + 2 * HOUR },
    })
    expect(world.pool).toMatchObject({ reservations: [], bookings: [booking] })
    expect(world.book(someUnits(2), HOUR, { id: 'a' })).toEqual(booking)
    world.at(HOUR).settle()
    expect(world.book(someUnits(2), HOUR, { id: 'a' })).toMatchObject({ id: 'a', holdings: booking.holdings })
    expect(world.pool.bookings).toBeUndefined()
  })

  test('counts on known ends only: a run without a limit stays', () => {
    const limited = { interruptAt: NOW + HOUR - MINUTE, killAt: NOW + HOUR }
    const reservations = [
      runOf({ id: 'limited', units: [0], limit: limited }),
      manualOf({ id: 'manual', units: [1], expiresAt: NOW + HOUR + 1 }),
      runOf({ id: 'old', units: [2] }),
    ]
    const world = new World(3, { reservations })
    expect(refusedBy(world.book(someUnits(2), HOUR, { as: BOB }))).toEqual({
      ...{
        code: 'unbookable',
        requested: 2,
        available: 1,
        from: NOW + HOUR,
        until: NOW + 2 * HOUR,
        now: NOW,
      },
      busy: [
        { unit: '1', owner: 'alice', until: NOW + HOUR + 1, own: false },
        { unit: '2', owner: 'alice', own: false },
      ],
      ...{ booked: [], draining: [], occupied: [], faulty: [], earliest: NOW + HOUR + MINUTE },
    })
    expect(granted(world.book(someUnits(1), HOUR)).holdings).toMatchObject([{ unit: '0' }])
    expect(refusedBy(world.book(theseUnits(2), 9 * HOUR))).toMatchObject({ code: 'unbookable' })
  })

  test('counts on no unit that is drained, faulty or in use', () => {
    const world = new World(4)
    granted(world.perform({ op: 'drain', units: ['0'] }, { as: ROOT }))
    world.states.set(1, LOST).set(2, usedBy(1001))
    expect(refusedBy(world.book(someUnits(2), DAY))).toMatchObject({
      ...{ code: 'unbookable', available: 1, busy: [], booked: [] },
      draining: [{ unit: '0' }],
      faulty: [{ unit: '1' }],
      occupied: [{ unit: '2' }],
    })
    expect(granted(world.book(someUnits(1), DAY)).holdings).toMatchObject([{ unit: '3' }])
  })

  test('a refusal plans the queue a few times, however many bookings there are', () => {
    const reservations = [manualOf({ units: [0, 1], expiresAt: NOW + HOUR })]
    const world = new World(2, { reservations })
    for (let pid = 100; pid < 110; pid++)
      world.run(someUnits(1), { pid, waits: true, timeout: { after: HOUR, grace: MINUTE } })
    for (let at = 0; at < 30; at++) granted(world.book(someUnits(2), (20 + 2 * at) * HOUR))
    let plannings = 0
    world.stopped.has = (pid) => {
      if (pid === 100) plannings++
      return false
    }
    expect(refusedBy(world.book(someUnits(2), 20 * HOUR, { duration: 2 * HOUR }))).toMatchObject({
      code: 'unbookable',
    })
    expect(plannings).toBeLessThan(50)
  })

  test('breaks no other booking, and moves one if that makes room', () => {
    const world = new World(2)
    granted(world.book(someUnits(1), HOUR, { id: 'any' }))
    expect(world.planned).toEqual({ any: [0] })
    granted(world.book(theseUnits(0), HOUR, { id: 'zero' }))
    expect(world.planned).toEqual({ any: [1], zero: [0] })
    expect(refusedBy(world.book(someUnits(1), HOUR + 1))).toMatchObject({
      ...{ code: 'unbookable', available: 0, earliest: NOW + 2 * HOUR },
      booked: [
        { unit: '1', id: 'any', by: 'alice', from: NOW + HOUR, until: NOW + 2 * HOUR },
        { unit: '0', id: 'zero' },
      ],
    })
    granted(world.book(someUnits(2), 2 * HOUR))
  })

  test('names an earliest begin that can be typed, and at which it fits', () => {
    const world = new World(1)
    granted(world.reserve(someUnits(1), HOUR + 500))
    granted(world.book(someUnits(1), 2 * HOUR + 10_000))
    expect(refusedBy(world.book(someUnits(1), HOUR, { duration: 30 * MINUTE }))).toMatchObject({
      earliest: NOW + HOUR + MINUTE,
    })
    // From the next whole minute on, an hour is too long.
    const earliest = NOW + HOUR + 1_000
    expect(refusedBy(world.book(someUnits(1), HOUR, { duration: HOUR + 1_000 }))).toMatchObject({ earliest })
    granted(world.book(someUnits(1), earliest - NOW, { duration: HOUR + 1_000 }))
  })

  test('names a later begin also if a limit of the account forbids the times before it', () => {
    const limits = [
      ...(BOOKABLE.limits ?? []),
      limit('max-gpus', 1, { kind: 'account', uid: 1000, name: 'alice' }),
    ]
    const world = new World(2, { policy: { ...BOOKABLE, limits } })
    granted(world.book(theseUnits(1), HOUR, { duration: 4 * HOUR }))
    for (let at = 0; at < 5; at++) {
      granted(world.book(theseUnits(0), (at + 0.5) * HOUR, { as: BOB, duration: HOUR / 2 }))
    }
    const asked = { duration: 10 * MINUTE }
    expect(refusedBy(world.book(theseUnits(0), 45 * MINUTE, asked))).toMatchObject({
      ...{ code: 'unbookable', earliest: NOW + 5 * HOUR },
    })
    granted(world.book(theseUnits(0), 5 * HOUR, asked))
  })

  test('delays no waiter, by known ends', () => {
    const world = new World(2)
    granted(world.reserve(theseUnits(0), 2 * HOUR))
    // It starts on both units in two hours, and has them for an hour.
    granted(world.run(someUnits(2), { as: BOB, waits: true, timeout: { after: HOUR, grace: 0 } }))
    expect(refusedBy(world.book(someUnits(1), 2 * HOUR + MINUTE))).toEqual({
      ...{ code: 'promised', earliest: NOW + 3 * HOUR },
    })
    expect(refusedBy(world.book(someUnits(1), HOUR, { duration: 90 * MINUTE }))).toMatchObject({
      code: 'promised',
    })
    granted(world.book(someUnits(1), HOUR))
    granted(world.book(someUnits(2), 3 * HOUR))
  })

  test('chooses units that no waiter is expected to have then', () => {
    const world = new World(2)
    granted(world.reserve(theseUnits(0, 1), HOUR))
    granted(world.run(theseUnits(0), { as: BOB, waits: true, timeout: { after: 5 * HOUR, grace: 0 } }))
    granted(world.book(someUnits(1), 2 * HOUR, { id: 'a' }))
    expect(world.planned).toEqual({ a: [1] })
  })

  test('is refused in the past, too far ahead, for too long, and where it is off', () => {
    const world = new World(1)
    expect(refusedBy(world.book(someUnits(1), -1))).toEqual({ code: 'past', from: NOW - 1, now: NOW })
    expect(refusedBy(world.book(someUnits(1), 7 * DAY + 1))).toEqual({
      ...{ code: 'over-limit', limit: 'ahead', asked: 7 * DAY + 1, most: 7 * DAY },
    })
    expect(refusedBy(world.book(someUnits(1), HOUR, { duration: 13 * HOUR }))).toMatchObject({
      ...{ code: 'over-limit', limit: 'duration', asked: 13 * HOUR, most: 12 * HOUR },
    })
    expect(refusedBy(world.book(someUnits(2), HOUR))).toMatchObject({ code: 'impossible' })
    const policy = { ...BOOKABLE, limits: [limit('max-booked-ahead', HOUR), ...(BOOKABLE.limits ?? [])] }
    const near = new World(1, { policy })
    expect(refusedBy(near.book(someUnits(1), HOUR + 1))).toMatchObject({
      ...{ limit: 'ahead', scope: { kind: 'pool' } },
    })
    const off = new World(1, { policy: { allocation: 'lru' } })
    expect(refusedBy(off.book(someUnits(1), HOUR))).toEqual({ code: 'bookings-off' })
  })

  test('without a duration has the default of the pool', () => {
    const world = new World(1)
    const term = { kind: 'booking', from: NOW + HOUR, duration: 8 * HOUR, isDefault: true } as const
    const intent = { id: 'a', request: someUnits(1), owner: BOB, term }
    expect(granted(world.perform({ op: 'book', intent })).term.until).toBe(NOW + 3 * HOUR)
  })

  test('may be allowed for an account or a group only', () => {
    const limits = [limit('max-duration', DAY), limit('default-duration', HOUR)]
    const own = limit('bookings', 1, { kind: 'account', uid: 1001, name: 'bob' })
    const group = limit('bookings', 1, { kind: 'group', gid: 500, name: 'staff' })
    const world = new World(2, { policy: { allocation: 'lru', limits: [...limits, own, group] } })
    expect(refusedBy(world.book(someUnits(1), HOUR))).toEqual({ code: 'bookings-off' })
    granted(world.book(someUnits(1), HOUR, { groups: [500] }))
    granted(world.book(someUnits(1), HOUR, { as: BOB }))
  })

  test('an account may have as many bookings as requests in the queue', () => {
    const policy = { ...BOOKABLE, limits: [limit('max-waiting', 2), ...(BOOKABLE.limits ?? [])] }
    const world = new World(1, { policy })
    granted(world.book(someUnits(1), HOUR))
    granted(world.book(someUnits(1), 2 * HOUR))
    expect(refusedBy(world.book(someUnits(1), 3 * HOUR))).toEqual({
      ...{ code: 'over-limit', limit: 'bookings', scope: { kind: 'pool' }, booked: 2, most: 2 },
      frees: { at: NOW + HOUR, now: NOW },
    })
    granted(world.book(someUnits(1), 3 * HOUR, { as: BOB }))
  })
})

describe('max-gpus', () => {
  const policy = { ...BOOKABLE, limits: [limit('max-gpus', 2), ...(BOOKABLE.limits ?? [])] }

  test('counts what the account has, and has booked, during the booking', () => {
    const world = new World(8, { policy })
    granted(world.reserve(someUnits(1), 2 * HOUR))
    granted(world.book(someUnits(1), HOUR))
    expect(refusedBy(world.book(someUnits(1), HOUR + MINUTE))).toEqual({
      ...{ code: 'over-limit', limit: 'gpus', scope: { kind: 'pool' }, requested: 1, used: 2, most: 2 },
      ...{ at: NOW + HOUR + MINUTE, bookings: bookingsOf(world.pool) },
    })
    granted(world.book(someUnits(2), 2 * HOUR))
    granted(world.book(someUnits(2), HOUR, { as: BOB }))
  })

  test('refuses a request that would exceed it with a booking of the account', () => {
    const world = new World(8, { policy })
    granted(world.book(someUnits(2), 2 * HOUR))
    granted(world.reserve(someUnits(2), 2 * HOUR))
    world.at(MINUTE)
    granted(world.perform({ op: 'release' }))
    expect(refusedBy(world.reserve(someUnits(1), 2 * HOUR))).toEqual({
      ...{ code: 'over-limit', limit: 'gpus', scope: { kind: 'pool' }, requested: 1, used: 2, most: 2 },
      ...{ at: NOW + 2 * HOUR, bookings: bookingsOf(world.pool) },
    })
    granted(world.reserve(someUnits(1), HOUR))
    expect(refusedBy(world.perform({ op: 'extend', by: HOUR }))).toMatchObject({
      ...{ code: 'over-limit', limit: 'gpus', used: 2, requested: 1, at: NOW + 2 * HOUR },
      bookings: bookingsOf(world.pool),
    })
  })
})

describe('cancel', () => {
  test('is for the owner and for root', () => {
    const world = new World(2)
    granted(world.book(someUnits(1), HOUR, { id: 'a' }))
    granted(world.book(someUnits(1), HOUR, { id: 'b' }))
    expect(refusedBy(world.perform({ op: 'cancel', id: 'a' }, { as: BOB }))).toEqual({ code: 'forbidden' })
    expect(granted(world.perform({ op: 'cancel', id: 'a' }))).toMatchObject({
      ...{ kind: 'cancelled', booking: { id: 'a' } },
    })
    granted(world.perform({ op: 'cancel', id: 'b' }, { as: ROOT }))
    expect(world.pool.bookings).toBeUndefined()
    expect(refusedBy(world.perform({ op: 'cancel', id: 'b' }))).toEqual({ code: 'no-such-booking', id: 'b' })
    expect(world.records).toEqual([])
  })

  test('ends a booking that has begun, and records it', () => {
    const world = new World(1)
    granted(world.book(someUnits(1), HOUR, { id: 'a' }))
    world.at(HOUR).settle()
    world.at(HOUR + MINUTE)
    expect(granted(world.perform({ op: 'cancel', id: 'a' }, { as: ROOT }))).toEqual({
      ...{ kind: 'released', units: ['0'] },
    })
    expect(world.records).toMatchObject([
      {
        reservation: 'a',
        outcome: 'released',
        startedAt: NOW + HOUR,
        endedAt: NOW + HOUR + MINUTE,
        endedBy: { uid: 0 },
      },
    ])
  })

  test('the plain release keeps bookings that have not begun', () => {
    const world = new World(3)
    granted(world.book(someUnits(1), HOUR, { id: 'begun' }))
    granted(world.book(someUnits(1), 3 * HOUR, { id: 'later' }))
    world.at(HOUR).settle()
    expect(granted(world.perform({ op: 'release' }))).toEqual(['0'])
    expect(world.planned).toHaveProperty('later')
    expect(world.held).toEqual({})
  })
})

test('the id of a booking cannot be used for another request, or by another account', () => {
  const world = new World(2)
  granted(world.book(someUnits(1), HOUR, { id: 'a' }))
  const manual = { kind: 'manual', duration: 1 } as const
  const acquire = (as: typeof BOB) =>
    world.perform(
      { op: 'acquire', intent: { id: 'a', request: someUnits(1), owner: as, term: manual } },
      { as },
    )
  expect(refusedBy(acquire(owner(1000, 'alice')))).toEqual({ code: 'forbidden' })
  expect(refusedBy(acquire(BOB))).toEqual({ code: 'forbidden' })
  expect(refusedBy(world.book(someUnits(1), HOUR, { id: 'a', as: BOB }))).toEqual({ code: 'forbidden' })
  granted(world.reserve(someUnits(1), 1))
  const [held] = world.pool.reservations
  expect(refusedBy(world.book(someUnits(1), HOUR, { id: held?.id ?? '' }))).toEqual({ code: 'forbidden' })
})

describe('the rule `bookings`', () => {
  const setting = (key: 'bookings' | 'max-duration' | 'default-duration', value: number | null) =>
    ({ op: 'set-policy', change: { key, scope: { kind: 'pool' }, value } }) as const

  test('needs a longest and a default duration for the whole pool, which then stay', () => {
    const world = new World(1, { policy: { allocation: 'lru' } })
    expect(refusedBy(world.perform(setting('bookings', 1)))).toEqual({
      ...{ code: 'policy-needs', key: 'bookings', missing: ['max-duration', 'default-duration'] },
    })
    granted(world.perform(setting('max-duration', DAY)))
    granted(world.perform(setting('default-duration', HOUR)))
    granted(world.perform(setting('bookings', 1)))
    expect(refusedBy(world.perform(setting('max-duration', null)))).toMatchObject({
      ...{ missing: ['max-duration'], on: [{ kind: 'pool' }] },
    })
    granted(world.perform(setting('max-duration', HOUR)))
    granted(world.perform(setting('bookings', 0)))
    granted(world.perform(setting('max-duration', null)))
    expect(refusedBy(world.perform(setting('bookings', 1)))).toMatchObject({ missing: ['max-duration'] })
  })

  test('off keeps the bookings that were made', () => {
    const world = new World(1)
    granted(world.book(someUnits(1), HOUR, { id: 'a' }))
    granted(world.perform(setting('bookings', 0), { as: ROOT }))
    world.at(HOUR).settle()
    expect(world.held).toEqual({ a: [0] })
  })
})

describe('the limit of GPUs at once, with bookings', () => {
  const policy = { ...BOOKABLE, limits: [limit('max-gpus', 2), ...(BOOKABLE.limits ?? [])] }

  test('a refusal names the time from which the request is allowed for its whole duration', () => {
    const world = new World(4, { policy })
    granted(world.book(someUnits(2), HOUR))
    granted(world.reserve(someUnits(1), 50 * MINUTE))
    granted(world.reserve(someUnits(1), 20 * MINUTE))
    const frees = (duration: Millis) => refusedBy(world.reserve(someUnits(1), duration))
    expect(frees(30 * MINUTE)).toMatchObject({ used: 2, frees: { at: NOW + 20 * MINUTE } })
    expect(frees(45 * MINUTE)).toMatchObject({ used: 2, frees: { at: NOW + 2 * HOUR } })
  })

  test('an extension is refused with what the account has then', () => {
    const world = new World(4, { policy })
    granted(world.book(someUnits(2), HOUR))
    granted(world.reserve(someUnits(1), 50 * MINUTE))
    granted(world.reserve(someUnits(1), 20 * MINUTE))
    expect(refusedBy(world.perform({ op: 'extend', by: 20 * MINUTE }))).toMatchObject({
      ...{ code: 'over-limit', limit: 'gpus', requested: 1, used: 2, most: 2, at: NOW + HOUR },
    })
  })
})
