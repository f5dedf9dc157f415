import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { DailySums } from '../../../src/domain/ledger/daily.ts'

const HOUR = 3_600_000

test('each hour counts on the day on which it was held, for days of any length', () => {
  const times = fc.array(
    fc.record({ user: fc.constantFrom('ann', 'ben'), startedAt: fc.nat(200), length: fc.nat(90) }),
  )
  const starts = fc.uniqueArray(fc.integer({ min: 20, max: 180 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(times, starts, fc.nat(40), (held, unsorted, last) => {
      const sorted = unsorted.toSorted((a, b) => a - b)
      const end = (sorted.at(-1) ?? 0) + last
      const sums = new DailySums(
        sorted.map((start) => start * HOUR),
        end * HOUR,
      )
      for (const { user, startedAt, length } of held) {
        sums.add({
          user,
          account: { uid: user === 'ann' ? 1 : 2, name: user },
          startedAt: startedAt * HOUR,
          endedAt: (startedAt + length) * HOUR,
        })
      }
      for (const [at, start] of sorted.entries()) {
        for (const name of ['ann', 'ben']) {
          const hours = held
            .filter(({ user }) => user === name)
            .map(({ startedAt, length }) =>
              Math.max(0, Math.min(startedAt + length, sorted[at + 1] ?? end) - Math.max(startedAt, start)),
            )
          expect(sums.days[at]?.start).toBe(start * HOUR)
          expect(new Map(sums.days[at]?.hours).get(name) ?? 0).toBeCloseTo(
            hours.reduce((sum, each) => sum + each, 0),
            6,
          )
        }
      }
    }),
  )
})
