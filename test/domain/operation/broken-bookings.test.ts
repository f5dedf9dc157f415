import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { isRefusal } from '../../../src/domain/operation/refusal.ts'
import { bookingsOf } from '../../../src/domain/pool/bookings.ts'
import { gpuUnit } from '../../../src/domain/pool/units.ts'
import { someUnits, theseUnits } from '../pool/builders.ts'
import { granted, HOUR, ROOT, refusedBy, World } from './world.ts'

const GPUS = 4
const someGpus = fc.subarray([0, 1, 2, 3], { minLength: 1 })
const anyBooking = fc.record({
  request: fc.oneof(
    fc.integer({ min: 1, max: GPUS }).map(someUnits),
    someGpus.map((ids) => theseUnits(...ids)),
  ),
  from: fc.integer({ min: 1, max: 8 }),
  hours: fc.integer({ min: 1, max: 4 }),
})

test('a drain keeps every booking, or names those that must be cancelled: without them it succeeds', () => {
  let refused = 0
  fc.assert(
    fc.property(fc.array(anyBooking, { maxLength: 10 }), someGpus, (bookings, drained) => {
      const world = new World(GPUS)
      for (const [at, { request, from, hours }] of bookings.entries()) {
        world.at(at).book(request, from * HOUR, { duration: hours * HOUR })
      }
      const before = bookingsOf(world.pool)
      const drain = () => world.perform({ op: 'drain', units: drained.map(gpuUnit) }, { as: ROOT })
      const answer = drain()
      if (!isRefusal(answer)) {
        expect(bookingsOf(world.pool).map(({ id }) => id)).toEqual(before.map(({ id }) => id))
        return
      }
      refused++
      const reason = refusedBy(answer)
      if (reason.code !== 'breaks-bookings') throw new Error(reason.code)
      expect(bookingsOf(world.pool)).toEqual(before)
      expect(reason.bookings.length).toBeGreaterThan(0)
      for (const { id } of reason.bookings) granted(world.perform({ op: 'cancel', id }, { as: ROOT }))
      granted(drain())
    }),
    { numRuns: 300 },
  )
  expect(refused).toBeGreaterThan(50)
})
