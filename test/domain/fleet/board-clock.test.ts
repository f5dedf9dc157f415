import { expect, test } from 'bun:test'
import { countedNow, MOST_CLOCK_DIFFERENCE_MS, timeOfNotice } from '../../../src/domain/fleet/board-clock.ts'

const last = { shown: 10_000, counted: 500_000 }

test.each([
  ['time passes', 12_000, 502_000, 502_000],
  ['the clock was set back', 3_000, 500_000, 507_000],
  ['the clock was set forward', 90_000, 580_000, 580_000],
  ['nonsense', -MOST_CLOCK_DIFFERENCE_MS, -MOST_CLOCK_DIFFERENCE_MS, -MOST_CLOCK_DIFFERENCE_MS],
] as const)('%s', (_, shown, atNotice, atReading) => {
  expect(timeOfNotice(last, shown)).toEqual({ shown, counted: atNotice })
  expect(countedNow(last, shown)).toBe(atReading)
})

test('without a notice, the clock counts', () => {
  expect(timeOfNotice(undefined, 7)).toEqual({ shown: 7, counted: 7 })
  expect(countedNow(undefined, 7)).toBe(7)
})
