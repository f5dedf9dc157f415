import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { DAY_MS } from '../../../src/domain/ledger/day-sums.ts'
import { DayTotalSums } from '../../../src/domain/ledger/day-totals.ts'
import { tallied, usageReport } from '../../../src/domain/ledger/report.ts'
import { summedUsage } from '../../../src/domain/ledger/summed.ts'
import type { HeldTime, TermKind } from '../../../src/domain/pool/model.ts'

const FIRST = 20_000
const DAYS = 5
const NOW = (FIRST + DAYS - 1) * DAY_MS + 1_234_567

const held = fc
  .record({
    reservation: fc.integer({ min: 0, max: 30 }),
    unit: fc.constantFrom('0', '1'),
    days: fc.double({ min: 0, max: 3, noNaN: true }),
    user: fc.constantFrom('ann', 'ben'),
  })
  .map(({ reservation, unit, days, user }): HeldTime => {
    // All parts of a reservation have one owner, term and start.
    const startedAt = Math.min(NOW, Math.round((FIRST - 2) * DAY_MS + reservation * DAY_MS * 0.23))
    const uid = 1000 + (reservation % 3)
    return {
      ...{ host: 'gpu1', reservation: `r${reservation}`, unit, startedAt },
      owner: { account: { uid, name: `u${uid}` }, shownName: reservation % 3 === 0 ? `u${uid}` : user },
      term:
        (['run', 'manual', 'booking', 'maintenance'] as const satisfies TermKind[])[reservation % 4] ?? 'run',
      endedAt: Math.min(NOW, Math.round(startedAt + days * DAY_MS)),
    }
  })

test('the days add up to the report of the same time', () => {
  fc.assert(
    fc.property(fc.array(held, { maxLength: 40 }), (times) => {
      const sums = new DayTotalSums(FIRST, NOW)
      for (const { owner, ...time } of times) {
        sums.add({ ...time, user: owner.shownName, account: owner.account })
      }
      const range = { from: FIRST * DAY_MS, to: NOW }
      const days = summedUsage(
        sums.totals.flatMap(({ users }) => users),
        { range, days: DAYS },
      )
      const report = usageReport(tallied(times, range), range, DAYS)
      expect(days.total.gpuHours).toBeCloseTo(report.total.gpuHours, 6)
      const begun = new Set(
        times
          .filter(
            ({ startedAt, term }) => startedAt >= range.from && startedAt <= NOW && term !== 'maintenance',
          )
          .map(({ reservation }) => reservation),
      )
      expect(days.total.runs + days.total.manuals).toBe(begun.size)
      for (const { day, users } of sums.totals) {
        expect(day).toBeGreaterThanOrEqual(FIRST)
        for (const { gpuHours } of users) expect(gpuHours).toBeGreaterThanOrEqual(0)
      }
    }),
  )
})

test('a reservation counts once, on the day on which it began', () => {
  const sums = new DayTotalSums(FIRST, NOW)
  const start = FIRST * DAY_MS + 23 * 3_600_000
  for (const hours of [2, 3]) {
    const account = { uid: 1000, name: 'ann' }
    sums.add({
      reservation: 'r',
      term: 'run',
      user: 'ann',
      account,
      startedAt: start,
      endedAt: start + hours * 3_600_000,
    })
  }
  expect(sums.totals).toEqual([
    { day: FIRST, users: [{ user: 'ann', account: 'ann', gpuHours: 2, runs: 1, manuals: 0 }] },
    { day: FIRST + 1, users: [{ user: 'ann', account: 'ann', gpuHours: 3, runs: 0, manuals: 0 }] },
  ])
})
