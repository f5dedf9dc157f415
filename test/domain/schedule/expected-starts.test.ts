import { describe, expect, test } from 'bun:test'
import { withBookings } from '../../../src/domain/pool/bookings.ts'
import type { Booking, Pool, QueueEntry, Reservation } from '../../../src/domain/pool/model.ts'
import { gpuUnit } from '../../../src/domain/pool/units.ts'
import { expectedStarts, type Outlook } from '../../../src/domain/schedule/expected-starts.ts'
import { keepsPromises, withPromisesKept } from '../../../src/domain/schedule/promises.ts'
import { startableEntries } from '../../../src/domain/schedule/startable.ts'
import { knownEnd } from '../../../src/domain/schedule/term-times.ts'
import {
  bookedOf,
  bookingOf,
  identity,
  maintenanceOf,
  manualOf,
  NOON,
  poolOf,
  runOf,
  someUnits,
  theseUnits,
  unit,
  units,
  waiterOf,
} from '../pool/builders.ts'

const NOW = NOON.wall
const HOUR = 3_600_000
const isStopped = () => false
const known = { now: NOW, stopped: isStopped }

const pool = (
  gpus: number,
  reservations: readonly Reservation[],
  queue: readonly QueueEntry[],
  ...bookings: readonly Booking[]
): Pool => withBookings(poolOf(units(gpus), { reservations, queue }), bookings)
const manual = (id: string, gpus: readonly number[], expiresAt: number) =>
  manualOf({ id, units: gpus, expiresAt })
const run = (id: string, gpus: readonly number[]) => runOf({ id, units: gpus })
const waiting = (id: string, request: QueueEntry['request'], duration?: number) =>
  waiterOf({ id, request, ...(duration === undefined ? {} : { duration }) })

function startsOf(subject: Pool): readonly (number | null)[] {
  const forecasts = expectedStarts(subject, { now: NOW, stopped: isStopped })
  return subject.queue.map(({ id }) => {
    const forecast = forecasts.get(id)
    return forecast?.kind === 'at' ? forecast.at - NOW : null
  })
}

test('the first request starts when enough GPUs are free, the next when the first releases them', () => {
  const reservations = [manual('a', [0], NOW + HOUR), manual('b', [1], NOW + 2 * HOUR)]
  const queue = [waiting('one', someUnits(2), HOUR), waiting('two', someUnits(1))]
  expect(startsOf(pool(2, reservations, queue))).toEqual([2 * HOUR, 3 * HOUR])
})

test('a request does not start before one ahead that could use the same GPUs', () => {
  const queue = [waiting('one', someUnits(2)), waiting('two', someUnits(1))]
  expect(startsOf(pool(3, [run('a', [0]), run('b', [1])], queue))).toEqual([null, null])
})

test('a request that ends before an earlier one can start, or needs other GPUs, may start first', () => {
  const reservations = [manual('a', [0], NOW + HOUR), run('b', [2])]
  const short = [
    waiting('one', someUnits(2)),
    waiting('two', someUnits(1), HOUR),
    waiting('three', someUnits(1), HOUR + 1),
  ]
  expect(startsOf(pool(2, [manual('a', [0], NOW + HOUR)], short))[0]).toBe(HOUR)
  const others = [waiting('one', theseUnits(2)), waiting('two', theseUnits(0))]
  expect(startsOf(pool(3, reservations, others))).toEqual([null, HOUR])
})

test('promises are kept if no request starts later, whether unknown ends are never or now', () => {
  const queue = [waiting('one', someUnits(2))]
  const before = pool(2, [manual('a', [0], NOW + HOUR), run('b', [1])], queue)
  const longer = pool(2, [manual('a', [0], NOW + 2 * HOUR), run('b', [1])], queue)
  expect(keepsPromises(before, longer, known)).toBe(false)
  expect(keepsPromises(before, before, known)).toBe(true)
})

const outlookOf = (subject: Pool, outlook: Partial<Outlook>) => {
  const starts = expectedStarts(subject, { now: NOW, stopped: isStopped, ...outlook })
  return subject.queue.map(({ id }) => starts.get(id))
}
const lost = (gpu: number) =>
  ({
    kind: 'faulty',
    unit: gpuUnit(gpu),
    fault: { kind: 'fault', code: 'reported', reason: 'lost' },
  }) as const

test('a GPU that cannot be used has no known free time, reserved or not', () => {
  const queue = [waiting('one', someUnits(1))]
  const unknown = { kind: 'unknown', obstacle: lost(0) } as const
  expect(outlookOf(pool(1, [], queue), { obstacles: [lost(0)] })).toEqual([unknown])
  const reserved = pool(1, [manual('a', [0], NOW + HOUR)], queue)
  expect(outlookOf(reserved, { obstacles: [lost(0)] })).toEqual([unknown])
  expect(outlookOf(reserved, { obstacles: [lost(0)], unknownEnds: 'now' })).toEqual([unknown])
})

test('usable GPUs are preferred to one that cannot be used, whether their end is known or not', () => {
  const queue = [waiting('one', someUnits(1)), waiting('two', someUnits(2))]
  const held = run('b', [1])
  const subject = pool(3, [held, manual('a', [2], NOW + HOUR)], queue)
  expect(outlookOf(subject, { obstacles: [lost(0)] })).toMatchObject([
    { kind: 'at', at: NOW + HOUR },
    { kind: 'unknown' },
  ])
  expect(outlookOf({ ...subject, queue: [waiting('two', someUnits(2))] }, { obstacles: [lost(0)] })).toEqual([
    { kind: 'unknown', after: held },
  ])
})

test('a stopped waiter has no start and takes no GPU from the waiters behind', () => {
  const stopped = waiterOf({ id: 'one', process: identity(2) })
  const subject = pool(1, [], [stopped, waiting('two', someUnits(1))])
  expect(outlookOf(subject, { stopped: ({ pid }) => pid === 2 })).toEqual([
    { kind: 'stopped' },
    { kind: 'at', at: NOW },
  ])
})

test('a run that continues after its time limit has no known end', () => {
  const overdue = runOf({ id: 'a', limit: { interruptAt: NOW - HOUR, killAt: NOW } })
  const subject = pool(1, [overdue], [waiting('one', someUnits(1))])
  expect(outlookOf(subject, {})).toEqual([{ kind: 'unknown', after: overdue }])
  expect(outlookOf(subject, { unknownEnds: 'now' })).toMatchObject([{ kind: 'at', at: NOW }])
})

test('every term except a run without limit and open maintenance has a known end', () => {
  const until = NOW + 2 * HOUR
  const limit = { interruptAt: NOW + HOUR, killAt: until }
  const known = [
    runOf({ limit }),
    manualOf({ expiresAt: until }),
    bookingOf({ until }),
    maintenanceOf({ until }),
  ]
  expect(known.map(knownEnd)).toEqual([until, until, until, until])
  for (const held of known) {
    const after = pool(1, [held], [waiting('one', someUnits(1))])
    expect(outlookOf(after, {})).toEqual([{ kind: 'at', at: until, after: held }])
  }
  const open = [runOf(), maintenanceOf()]
  expect(open.map(knownEnd)).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
  for (const held of open) {
    const after = pool(1, [held], [waiting('one', someUnits(1))])
    expect(outlookOf(after, {})).toEqual([{ kind: 'unknown', after: held }])
  }
})

test('a short request that can overtake a long wait is expected to start before it', () => {
  const queue = [waiting('two', someUnits(2), HOUR), waiting('short', someUnits(1), HOUR)]
  expect(startsOf(pool(2, [manual('a', [0], NOW + HOUR)], queue))).toEqual([HOUR, 0])
})

test('a waiter that is passed over delays no other', () => {
  const late = waiterOf({ id: 'late', request: someUnits(2), startableSince: NOW - 10_000 })
  expect(startsOf(pool(2, [], [late, waiting('next', someUnits(1))]))).toEqual([0, 0])
})

describe('a request that overtakes others may make room for a third request, which then starts too', () => {
  const passedOver = { startableSince: NOW - 10_000 }
  const startableIn = (subject: Pool) => startableEntries(subject, known).map(({ id }) => id)

  test('"inner" starts when "outer" has started and "two" can no longer start at once', () => {
    const booked = bookedOf({ units: [1], from: NOW + HOUR, until: NOW + 6 * HOUR })
    for (const note of [passedOver, {}]) {
      const queue = [
        waiting('one', theseUnits(1, 2)),
        waiting('two', someUnits(2)),
        waiterOf({ id: 'inner', request: theseUnits(0), duration: HOUR, ...note }),
        waiting('outer', theseUnits(2), HOUR),
      ]
      expect(startsOf(pool(3, [], queue, booked))).toEqual([6 * HOUR, null, 0, 0])
      expect(startableIn(pool(3, [], queue, booked))).toEqual(['outer'])
      const granted = [manual('outer', [2], NOW + HOUR)]
      expect(startableIn(pool(3, granted, queue.slice(0, 3), booked))).toEqual(['inner'])
    }
  })

  test('an extension that delays neither is allowed', () => {
    const booked = bookedOf({ units: [1], from: NOW + 2 * HOUR, until: NOW + 9 * HOUR })
    for (const note of [passedOver, {}]) {
      const queue = [
        waiting('one', theseUnits(1, 0)),
        waiting('two', someUnits(3)),
        waiting('three', someUnits(1), 2 * HOUR),
        waiterOf({ id: 'four', request: someUnits(1), duration: HOUR, ...note }),
      ]
      const before = pool(4, [manual('a', [1], NOW + HOUR)], queue, booked)
      const longer = pool(4, [manual('a', [1], NOW + 2 * HOUR)], queue, booked)
      expect(startsOf(before)).toEqual(startsOf(longer))
      expect(keepsPromises(before, longer, known)).toBe(true)
    }
  })
})

test('a GPU that still shows the memory of its last holder is kept for the request that needs it', () => {
  const lastUse = { endedAt: NOW, uid: 1000 }
  const both = waiting('both', someUnits(2))
  const subject = poolOf([unit(0), unit(1, { lastUse })], { queue: [both, waiting('next', someUnits(1))] })
  const used = { kind: 'occupied', unit: '1', users: [] } as const
  expect(outlookOf(subject, { obstacles: [used] })).toEqual([
    { kind: 'unknown', obstacle: used },
    { kind: 'unknown' },
  ])
})

describe('a booking', () => {
  const booked = bookedOf({ from: NOW + 2 * HOUR, until: NOW + 3 * HOUR })
  const conditions = { now: NOW, stopped: isStopped }

  test('leaves its GPU to requests that end before it begins', () => {
    const queue = [waiting('long', someUnits(1), 2 * HOUR + 1), waiting('short', someUnits(1), 2 * HOUR)]
    const subject = pool(1, [], queue, booked)
    expect(startableEntries(subject, conditions).map(({ id }) => id)).toEqual(['short'])
    expect(startsOf(subject)).toEqual([3 * HOUR, 0])
    expect(startsOf(pool(1, [], [waiting('unlimited', someUnits(1))], booked))).toEqual([3 * HOUR])
  })

  test('that ends while a run still holds its GPU lets others start when it ends', () => {
    const held = [run('a', [0]), run('b', [1])]
    const overTheRun = bookedOf({ id: 'over the run', from: NOW + HOUR, until: NOW + 4 * HOUR })
    const last = bookedOf({ id: 'last', units: [2], from: NOW + 8 * HOUR, until: NOW + 15 * HOUR })
    // For three hours "first" could start at any moment, so GPU 2 is kept for it. After that it would meet the booking.
    const queue = [waiting('first', theseUnits(1, 2), 5 * HOUR), waiting('short', theseUnits(2), 3 * HOUR)]
    expect(startsOf(pool(3, held, queue, overTheRun, last))).toEqual([null, 4 * HOUR])
  })

  test('must not be delayed, like the start of a waiter', () => {
    const until = (expiresAt: number) => pool(1, [manual('a', [0], expiresAt)], [], booked)
    expect(withPromisesKept(until(NOW + HOUR), until(NOW + 2 * HOUR), known).kind).toBe('kept')
    expect(withPromisesKept(until(NOW + HOUR), until(NOW + 2 * HOUR + 1), known).kind).toBe('booked')
  })
})

describe('maintenance without a known end', () => {
  const held = run('a', [0])
  const drained = maintenanceOf({ id: 'drained', units: [0], from: NOW })

  test('that began blocks its GPU, also after its holder ends, and delays no other request', () => {
    const queue = [waiting('both', someUnits(2)), waiting('one', someUnits(1))]
    for (const reservations of [[drained], [drained, held], [held, drained]]) {
      const subject = pool(2, reservations, queue)
      expect(startableEntries(subject, known).map(({ id }) => id)).toEqual(['one'])
      expect(outlookOf(subject, { unknownEnds: 'now' })[0]?.kind).toBe('unknown')
    }
  })

  test('that begins later leaves the GPU to requests that end before', () => {
    const later = maintenanceOf({ units: [0], from: NOW + HOUR })
    const queue = [waiting('long', someUnits(1), HOUR + 1), waiting('short', someUnits(1), HOUR)]
    expect(startsOf(pool(1, [later], queue))).toEqual([null, 0])
  })
})
