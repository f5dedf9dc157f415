import { describe, expect, test } from 'bun:test'
import { applySetUp } from '../../../src/domain/operation/apply.ts'
import { UNUSED_AFTER_MS } from '../../../src/domain/operation/booked.ts'
import { isRefusal } from '../../../src/domain/operation/refusal.ts'
import { poolFaults } from '../../../src/domain/pool/soundness.ts'
import { NOON, someUnits, theseUnits, units } from '../pool/builders.ts'
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

/** A world with one booking `a` of alice from one hour on, for an hour. */
function booked(gpus: number, request = someUnits(1)): World {
  const world = new World(gpus)
  granted(world.book(request, HOUR, { id: 'a' }))
  return world
}

describe('a booking that is due', () => {
  test('begins at the next operation with a reading, and ends at its end', () => {
    const world = booked(1)
    world.at(HOUR - 1).settle()
    expect(world.held).toEqual({})
    world.at(HOUR).settle(false)
    expect(world.held).toEqual({})
    world.at(HOUR + 1).settle()
    expect(world.pool.reservations).toMatchObject([
      {
        id: 'a',
        startedAt: NOW + HOUR + 1,
        term: { kind: 'booking', from: NOW + HOUR, until: NOW + 2 * HOUR },
      },
    ])
    world.states.set(0, usedBy(1000))
    world.at(2 * HOUR).settle(false)
    expect(world.held).toEqual({})
    expect(world.records).toMatchObject([
      {
        reservation: 'a',
        term: 'booking',
        outcome: 'expired',
        startedAt: NOW + HOUR + 1,
        endedAt: NOW + 2 * HOUR,
      },
    ])
  })

  test('holds its units against others before it has begun', () => {
    const world = booked(1)
    world.at(HOUR)
    world.states.set(0, usedBy(1001))
    expect(refusedBy(world.reserve(someUnits(1), MINUTE, { as: BOB }))).toMatchObject({ code: 'short' })
    expect(world.planned).toEqual({ a: [0] })
    world.states.delete(0)
    expect(refusedBy(world.reserve(someUnits(1), MINUTE, { as: BOB }))).toMatchObject({ code: 'short' })
    expect(world.held).toEqual({ a: [0] })
  })

  test('takes other units if its own are in use or faulty', () => {
    for (const state of [usedBy(1001), usedBy(), LOST]) {
      const world = booked(2)
      world.states.set(0, state)
      world.at(HOUR).settle()
      expect(world.held).toEqual({ a: [1] })
    }
  })

  test('also takes a unit that only its own account uses', () => {
    const world = booked(2)
    world.states.set(0, usedBy(1000))
    world.at(HOUR).settle()
    expect(world.held).toEqual({ a: [0] })
  })

  test('takes no unit that another booking needs, unless that one has another', () => {
    const tight = booked(2, theseUnits(0))
    granted(tight.book(theseUnits(1), 90 * MINUTE, { id: 'b' }))
    tight.states.set(0, LOST)
    tight.at(HOUR).settle()
    expect(tight.held).toEqual({})
    const world = booked(3)
    granted(world.book(theseUnits(1), 90 * MINUTE, { id: 'b' }))
    granted(world.book(someUnits(1), 100 * MINUTE, { id: 'c' }))
    world.states.set(0, LOST)
    world.at(HOUR).settle()
    expect(world.held).toEqual({ a: [2] })
    expect(world.planned).toMatchObject({ b: [1] })
  })

  test('waits at the front, keeps free units, and nobody overtakes it', () => {
    const world = booked(3, someUnits(3))
    world.states.set(0, usedBy(1001)).set(1, usedBy(1001))
    world.at(HOUR)
    expect(refusedBy(world.reserve(someUnits(1), MINUTE, { as: BOB }))).toMatchObject({
      ...{ code: 'booked', booked: [{ unit: '2', id: 'a' }] },
    })
    granted(world.run(someUnits(1), { as: BOB, waits: true, timeout: { after: MINUTE, grace: 0 } }))
    world.states.delete(1)
    world.settle()
    expect(world.held).toEqual({})
    world.states.delete(0)
    world.settle()
    expect(world.held).toEqual({ a: [0, 1, 2] })
  })

  test('collects free units in place of those that stay in use', () => {
    const world = new World(4)
    granted(world.reserve(theseUnits(2, 3), 90 * MINUTE, { as: BOB }))
    granted(world.book(someUnits(2), HOUR, { id: 'a' }))
    world.states.set(0, usedBy(1001)).set(1, usedBy(1001))
    world.at(HOUR).settle()
    granted(world.perform({ op: 'release', units: ['3'] }, { as: BOB }))
    world.settle()
    expect(world.planned).toEqual({ a: [0, 3] })
    expect(isRefusal(world.reserve(someUnits(1), MINUTE, { as: BOB }))).toBe(true)
    granted(world.perform({ op: 'release', units: ['2'] }, { as: BOB }))
    world.settle()
    expect(world.held).toEqual({ a: [2, 3] })
  })

  test('collects a free unit that a later booking was to have, and that one gets another', () => {
    const world = new World(4)
    granted(world.book(someUnits(2), HOUR, { id: 'a' }))
    granted(world.book(someUnits(1), 90 * MINUTE, { id: 'b' }))
    const [first = 0] = world.planned.a ?? []
    const [later = 0] = world.planned.b ?? []
    for (const unit of [0, 1, 2, 3]) if (unit !== later) world.states.set(unit, usedBy(1001))
    world.at(HOUR).settle()
    expect(world.planned.a).toContain(later)
    expect(world.planned.b).not.toContain(later)
    expect(isRefusal(world.reserve(someUnits(1), MINUTE, { as: BOB }))).toBe(true)
    world.states.delete(first)
    world.settle()
    expect(new Set(world.held.a)).toEqual(new Set([first, later]))
  })

  test('waits for a run that overran its limit, also if only the limit of its account is in the way', () => {
    const limits = [limit('max-gpus', 1), ...(BOOKABLE.limits ?? [])]
    const world = new World(2, { policy: { ...BOOKABLE, limits } })
    granted(world.run(someUnits(1), { pid: 50, timeout: { after: MINUTE, grace: 0 } }))
    granted(world.book(someUnits(1), HOUR, { id: 'a' }))
    world.at(HOUR).settle()
    expect(world.held).toEqual({ r50: [0] })
    world.gone.add(50)
    world.settle()
    expect(Object.keys(world.held)).toEqual(['a'])
  })

  test('that could not begin in its time leaves no record', () => {
    const world = booked(1)
    world.states.set(0, usedBy(1001))
    world.at(HOUR).settle()
    world.at(2 * HOUR).settle(false)
    expect(world.pool.bookings).toBeUndefined()
    expect(world.records).toEqual([])
  })

  test('begins once, whatever the clock does', () => {
    const world = booked(1)
    world.at(HOUR).settle()
    const { pool } = world
    // The clock is set back, and a reader that cannot read the boot id does not notice it.
    world.pool = { ...pool, writtenAt: { wall: NOW, steady: { epoch: 'unknown', ms: 0 } } }
    world.at(0).settle()
    expect(world.held).toEqual({ a: [0] })
    expect(refusedBy(world.reserve(someUnits(1), MINUTE, { as: BOB }))).toMatchObject({ code: 'short' })
    world.at(2 * HOUR).settle()
    expect(world.records).toHaveLength(1)
  })
})

describe('a booking that has begun', () => {
  test('is released if it is not used in time, with the outcome `unused`', () => {
    const world = new World(1)
    granted(world.book(someUnits(1), HOUR, { id: 'a', duration: 5 * HOUR }))
    world.at(HOUR).settle()
    world.at(HOUR + UNUSED_AFTER_MS - 1).settle()
    expect(world.held).toEqual({ a: [0] })
    world.at(HOUR + UNUSED_AFTER_MS).settle(false)
    expect(world.held).toEqual({ a: [0] })
    world.settle()
    expect(world.held).toEqual({})
    expect(world.records).toMatchObject([{ reservation: 'a', outcome: 'unused', startedAt: NOW + HOUR }])
  })

  test('stays if it was used at any time, or if the reading is incomplete', () => {
    const world = new World(2)
    granted(world.book(someUnits(2), HOUR, { id: 'a', duration: 5 * HOUR }))
    world.at(HOUR).settle()
    world.states.set(1, LOST)
    world.at(2 * HOUR).settle()
    expect(world.held).toEqual({ a: [0, 1] })
    world.states.delete(1)
    world.states.set(0, usedBy(1000))
    world.settle()
    world.states.clear()
    world.at(3 * HOUR).settle()
    expect(world.held).toEqual({ a: [0, 1] })
    expect(world.pool.reservations[0]?.term).toMatchObject({ usedAt: NOW + 2 * HOUR })
  })

  test('is extended like a manual reservation, unless a booking needs its units', () => {
    const world = booked(1)
    granted(world.book(someUnits(1), 3 * HOUR, { as: BOB, id: 'b' }))
    world.at(HOUR).settle()
    expect(granted(world.perform({ op: 'extend', by: HOUR }))).toMatchObject([
      { term: { until: NOW + 3 * HOUR } },
    ])
    expect(refusedBy(world.perform({ op: 'extend', by: 1 }))).toEqual({
      ...{ code: 'booked', now: NOW + HOUR },
      booked: [{ unit: '0', id: 'b', by: 'bob', from: NOW + 3 * HOUR, until: NOW + 4 * HOUR }],
    })
  })
})

describe('drain', () => {
  test('moves a booking to another unit, or is refused with the booking', () => {
    const world = booked(2)
    granted(world.perform({ op: 'drain', units: ['0'] }, { as: ROOT }))
    expect(world.planned).toEqual({ a: [1] })
    expect(refusedBy(world.perform({ op: 'drain', units: ['1'] }, { as: ROOT }))).toMatchObject({
      ...{ code: 'breaks-bookings' },
      bookings: [{ id: 'a', term: { from: NOW + HOUR, until: NOW + 2 * HOUR } }],
    })
    expect(world.pool.units[1]?.drain).toBeUndefined()
  })

  test('names the bookings that must be cancelled: of those that could have a unit, the last that was made', () => {
    const world = new World(3)
    for (const [at, id] of ['first', 'second', 'later'].entries())
      granted(world.at(at).book(someUnits(1), id === 'later' ? 9 * HOUR : HOUR, { id }))
    granted(world.at(3).book(theseUnits(2), HOUR, { id: 'third' }))
    const drain = () => world.perform({ op: 'drain', units: ['0', '1'] }, { as: ROOT })
    expect(refusedBy(drain())).toMatchObject({ bookings: [{ id: 'second' }, { id: 'third' }] })
    for (const id of ['second', 'third']) granted(world.perform({ op: 'cancel', id }, { as: ROOT }))
    granted(drain())
    expect(world.planned).toEqual({ first: [2], later: [2] })
  })
})

describe('a later request', () => {
  test('is refused if it does not end before a booking, with what is free until when', () => {
    const world = booked(2, someUnits(2))
    expect(refusedBy(world.reserve(someUnits(1), HOUR + 1, { as: BOB }))).toEqual({
      ...{ code: 'booked', now: NOW, term: 'manual', requested: 1, available: 0, longest: HOUR },
      asked: HOUR + 1,
      booked: [
        { unit: '0', id: 'a', by: 'alice', from: NOW + HOUR, until: NOW + 2 * HOUR },
        { unit: '1', id: 'a', by: 'alice', from: NOW + HOUR, until: NOW + 2 * HOUR },
      ],
    })
    granted(world.reserve(someUnits(1), HOUR, { as: BOB }))
    expect(refusedBy(world.reserve(someUnits(2), HOUR + 1, { as: BOB }))).toMatchObject({
      ...{ code: 'short', available: 0 },
      booked: [{ unit: '1', id: 'a' }],
    })
  })

  test('also if it claims a unit that its account uses', () => {
    const world = booked(1)
    world.states.set(0, usedBy(1001))
    const claim = (duration: number) => {
      const term = { kind: 'manual', duration } as const
      const intent = { id: 'c', request: theseUnits(0), owner: BOB, term }
      return world.perform({ op: 'claim', intent, exact: true }, { as: BOB })
    }
    expect(refusedBy(claim(HOUR + 1))).toMatchObject({ code: 'booked', longest: HOUR, asked: HOUR + 1 })
    granted(claim(HOUR))
  })

  test('without a time limit gets the default of the pool, so that its end is known', () => {
    const world = booked(1)
    expect(refusedBy(world.run(someUnits(1)))).toMatchObject({ code: 'booked', term: 'run', longest: HOUR })
    const free = booked(2)
    granted(free.run(someUnits(1)))
    expect(free.pool.reservations[0]?.term).toMatchObject({ limit: { interruptAt: NOW + 2 * HOUR } })
  })

  test('may get the unit of a booking that moves to another one', () => {
    const world = booked(2)
    granted(world.reserve(theseUnits(0), 5 * HOUR, { as: BOB }))
    expect(world.planned).toEqual({ a: [1] })
    expect(refusedBy(world.reserve(someUnits(1), 5 * HOUR, { as: BOB }))).toMatchObject({ code: 'booked' })
  })

  test('gets no room that an earlier waiter could use', () => {
    const world = new World(2)
    granted(world.book(someUnits(1), 2 * HOUR, { id: 'a' }))
    granted(world.reserve(theseUnits(1), HOUR, { as: BOB }))
    expect(world.planned).toEqual({ a: [0] })
    granted(
      world.run(someUnits(1), { pid: 20, as: BOB, waits: true, timeout: { after: 5 * HOUR, grace: 0 } }),
    )
    expect(world.planned).toEqual({ a: [1] })
    expect(world.held).toHaveProperty('r20', [0])
  })

  test('that waits starts in a gap, and delays no booking', () => {
    const world = booked(1)
    granted(
      world.run(someUnits(1), { pid: 30, as: BOB, waits: true, timeout: { after: 2 * HOUR, grace: 0 } }),
    )
    granted(world.run(someUnits(1), { pid: 31, as: BOB, waits: true, timeout: { after: HOUR, grace: 0 } }))
    expect(world.held).toEqual({ r31: [0] })
    expect(world.pool.queue.map(({ id }) => id)).toEqual(['r30'])
  })
})

describe('a run until booked', () => {
  const grace = MINUTE
  /** Does not count for the longest duration. */
  const USUAL_GRACE = MINUTE / 2

  test('ends, with its grace, ten seconds before the booking begins', () => {
    const world = booked(1)
    granted(world.run(someUnits(1), { untilBooked: { grace } }))
    const killAt = NOW + HOUR - 10_000
    expect(world.pool.reservations[0]?.term).toMatchObject({ limit: { killAt, interruptAt: killAt - grace } })
  })

  test('takes the units that are booked last, and ends at the longest duration without a booking', () => {
    const world = new World(3)
    granted(world.book(theseUnits(0), HOUR))
    granted(world.book(theseUnits(1), 2 * HOUR))
    granted(world.run(someUnits(2), { untilBooked: { grace } }))
    expect(world.held).toEqual({ r100: [1, 2] })
    const killAt = NOW + 2 * HOUR - 10_000
    expect(world.pool.reservations[0]?.term).toMatchObject({ limit: { killAt } })
    const free = new World(1)
    granted(free.run(someUnits(1), { untilBooked: { grace } }))
    expect(free.pool.reservations[0]?.term).toMatchObject({
      limit: { killAt: NOW + 12 * HOUR + USUAL_GRACE },
    })
  })

  test('is refused if less than a minute is left, and waits with that least time', () => {
    const world = booked(1)
    world.at(HOUR - 2 * MINUTE)
    expect(refusedBy(world.run(someUnits(1), { untilBooked: { grace } }))).toMatchObject({ code: 'booked' })
    granted(world.run(someUnits(1), { untilBooked: { grace }, waits: true }))
    expect(world.pool.queue[0]?.term).toEqual({
      kind: 'run',
      least: 2 * MINUTE,
    })
    expect(isRefusal(world.run(someUnits(1), { pid: 3, untilBooked: { grace: 1_000 } }))).toBe(true)
  })
})

describe('a change of the GPUs', () => {
  /** `first`: the number that the first GPU of the new pool had before. */
  const setUp = (world: World, gpus: number, { type = 'H100', first = 0 } = {}) => {
    const all = units(gpus).map((each, at) => ({
      ...each,
      device: { uuid: units(first + gpus)[first + at]?.device.uuid ?? '', name: type },
    }))
    const { pool, answer } = applySetUp(
      world.pool,
      { op: 'set-up', host: 'box', provider: 'fake', units: all, policy: {}, force: true },
      {
        ...{ actor: ROOT.account, now: { ...NOON, wall: NOW + world.now } },
        processes: { alive: () => 'alive', stopped: () => false },
      },
    )
    expect(poolFaults(pool)).toEqual([])
    world.pool = pool
    return granted(answer)
  }

  test('is not adopted if a booking would lose its units', () => {
    const world = new World(2)
    granted(world.book({ kind: 'count', count: 1, gpuTypes: ['fake'] }, HOUR, { id: 'typed' }))
    granted(world.book(someUnits(1), HOUR, { id: 'any' }))
    const before = world.pool
    world.names.set(0, 'NVIDIA A100').set(1, 'NVIDIA A100')
    const adopt = () => world.perform({ op: 'adopt-devices' }, { as: ROOT })
    expect(refusedBy(adopt())).toMatchObject({ code: 'breaks-bookings', bookings: [{ id: 'typed' }] })
    expect(world.pool.units).toEqual(before.units)
    granted(world.perform({ op: 'cancel', id: 'typed' }, { as: ROOT }))
    granted(adopt())
    expect(world.planned).toEqual({ any: [1] })
  })

  test('keeps the bookings that the new pool can keep; the first ones that were made come first', () => {
    const world = new World(4)
    granted(world.book(someUnits(2), HOUR, { id: 'a' }))
    granted(world.at(1).book(someUnits(2), HOUR, { id: 'b' }))
    granted(world.at(2).book(theseUnits(3), 5 * HOUR, { id: 'c' }))
    granted(world.at(3).book(someUnits(1), 5 * HOUR, { id: 'd' }))
    granted(world.reserve(theseUnits(0), HOUR - 3))
    expect(setUp(world, 2)).toMatchObject({ lost: [{ id: 'b' }, { id: 'c' }] })
    expect(world.planned).toEqual({ a: [0, 1], d: [0] })
    expect(world.held).toEqual({})
  })

  test('does not leave a booking on a drained GPU that has another number now', () => {
    const drained = (gpus: number) => {
      const world = new World(4)
      granted(world.perform({ op: 'drain', units: ['2'] }, { as: ROOT }))
      granted(world.book(someUnits(2), HOUR, { id: 'a' }))
      expect(world.planned).toEqual({ a: [0, 1] })
      return { world, answer: setUp(world, gpus, { first: 1 }) }
    }
    expect(drained(3).world.planned).toEqual({ a: [0, 2] })
    expect(drained(2).answer).toMatchObject({ lost: [{ id: 'a' }] })
  })

  test('gives a booking of a type another unit', () => {
    const world = new World(2)
    granted(world.book({ kind: 'count', count: 1, gpuTypes: ['fake'] }, HOUR, { id: 'a' }))
    setUp(world, 2)
    expect(world.planned).toEqual({})
    granted(world.book({ kind: 'count', count: 1, gpuTypes: ['h100'] }, HOUR, { id: 'b' }))
    expect(world.planned).toEqual({ b: [0] })
    world.names.set(0, 'A100')
    granted(world.perform({ op: 'adopt-devices' }, { as: ROOT }))
    expect(world.planned).toEqual({ b: [1] })
  })
})
