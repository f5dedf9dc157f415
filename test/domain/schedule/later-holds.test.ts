import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { LaterHolds } from '../../../src/domain/schedule/later-holds.ts'
import { NEVER } from '../../../src/domain/schedule/term-times.ts'
import { manualOf } from '../pool/builders.ts'

const intervals = fc.array(
  fc.record({ from: fc.integer({ min: 1, max: 60 }), length: fc.integer({ min: 1, max: 9 }) }),
  { maxLength: 15 },
)

test('the earliest start on one unit is the first time at which nothing begins for the whole duration', () => {
  fc.assert(
    fc.property(
      intervals,
      fc.integer({ min: 0, max: 70 }),
      fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(NEVER)),
      (given, time, duration) => {
        const laters = given.map(({ from, length }) => ({
          place: 0,
          reservation: {
            ...manualOf(),
            term: { kind: 'maintenance' as const, from, until: from + length },
          },
        }))
        const wish = { places: [0], size: 1, needed: duration, start: time, freeFrom: () => 0 }
        expect(new LaterHolds(1, laters).earliestStart(wish)).toBe(firstGapByTrying(given, time, duration))
      },
    ),
  )
})

function firstGapByTrying(
  given: readonly { readonly from: number; readonly length: number }[],
  time: number,
  duration: number,
): number {
  const isFree = (start: number) =>
    given.every(({ from, length }) => from >= start + duration || from + length <= start)
  // A hold that begins before an interval, and would overlap it, is moved behind it.
  const starts = [time, ...given.map(({ from, length }) => from + length).filter((end) => end > time)]
  return starts.sort((a, b) => a - b).find(isFree) ?? Number.NaN
}
