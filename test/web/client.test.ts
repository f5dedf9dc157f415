import { describe, expect, test } from 'bun:test'
import { shortDuration } from '../../src/web/client/time.ts'
import { DAY, lastView, panned, ticksOf, zoomed } from '../../src/web/client/timeline/timeline-view.ts'
import { shownUser } from '../../src/web/client/users.ts'

const HOUR = DAY / 24
const NOW = Date.UTC(2026, 2, 14, 15)

test.each([
  [-5_000, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [3_599_000, '59m'],
  [3_600_000 + 7 * 60_000, '1h 07m'],
  [27 * 3_600_000, '1d 3h'],
])('%p ms is %p', (ms, words) => {
  expect(shortDuration(ms)).toBe(words)
})

test('if the shown name is not that of the account, both are shown', () => {
  expect(shownUser('alice', 'alice')).toBe('alice')
  expect(shownUser('alice', 'bob')).toBe('alice (bob)')
  expect(shownUser('alice', undefined)).toBe('alice')
})

describe('the visible time range', () => {
  test('zooming keeps the time under the pointer', () => {
    const view = { from: NOW - 20 * HOUR, to: NOW - 10 * HOUR }
    const closer = zoomed(view, 0.5, 0.25, NOW)
    expect(closer.to - closer.from).toBe(5 * HOUR)
    expect(closer.from + 0.25 * 5 * HOUR).toBe(view.from + 0.25 * 10 * HOUR)
  })

  test('is between 15 minutes and 30 days long', () => {
    let view = lastView(DAY, NOW)
    for (let at = 0; at < 50; at++) view = zoomed(view, 0.5, 0.5, NOW)
    expect(view.to - view.from).toBe(HOUR / 4)
    for (let at = 0; at < 50; at++) view = zoomed(view, 2, 0.5, NOW)
    expect(view.to - view.from).toBe(30 * DAY)
  })

  test('cannot be moved into the future or before the history', () => {
    let view = lastView(DAY, NOW)
    for (let at = 0; at < 200; at++) view = panned(view, 1, NOW)
    expect(view.to).toBeLessThan(NOW + 0.05 * DAY)
    for (let at = 0; at < 200; at++) view = panned(view, -1, NOW)
    expect(view.from).toBeGreaterThanOrEqual(NOW - 90 * DAY)
    expect(view.to - view.from).toBeCloseTo(DAY, -1)
  })

  test.each([HOUR / 4, HOUR, DAY, 7 * DAY, 30 * DAY])('%p ms have no more labels than fit', (span) => {
    const ticks = ticksOf({ from: NOW - span, to: NOW }, 8)
    expect(ticks.length).toBeGreaterThan(1)
    expect(ticks.length).toBeLessThanOrEqual(9)
  })
})
