import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { formatDuration, parseDuration } from '../../../src/domain/text/duration.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

test.each([
  ['30s', 30 * SECOND],
  ['30m', 30 * MINUTE],
  ['2h', 2 * HOUR],
  ['1d', DAY],
  ['0.5h', 30 * MINUTE],
  ['.5h', 30 * MINUTE],
  ['1h30m', 90 * MINUTE],
  ['1d12h30m15s', DAY + 12 * HOUR + 30 * MINUTE + 15 * SECOND],
  ['1.5d6h', 42 * HOUR],
  ['90m', 90 * MINUTE],
  ['365d', 365 * DAY],
  ['1s', SECOND],
])('%s is valid', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(
  [
    ['0', '0s', '0h', '0.0d', '0d0h'],
    ['-1h', '-30m', '- 5m', '+1h'],
    ['366d', '9999999d', '1e9h', `${'9'.repeat(400)}h`, '0.4s', '0.0000001h'],
    ['', ' ', 'h', 'abc', '1', '1.5', '8 h', '1h 30m', '1hour', '1H', '1w', '1h30', '30m1h', '1h1h', '1..5h'],
    ['1h\n', '１h', '1h;rm', 'NaNh', 'Infinityh', '0x10h', '1_000s', '1,5h', '--'],
  ].flat(),
)('%p is refused with an example in the hint', (text) => {
  expect(() => parseDuration(text)).toThrow(
    expect.objectContaining({ code: 'usage', hint: expect.stringContaining('1h30m') }),
  )
})

const units = fc.record({
  d: fc.integer({ min: 0, max: 300 }),
  h: fc.integer({ min: 0, max: 100 }),
  m: fc.integer({ min: 0, max: 100 }),
  s: fc.integer({ min: 0, max: 100 }),
})

test('any amounts of the four units, each once and in order, add up', () => {
  fc.assert(
    fc.property(units, ({ d, h, m, s }) => {
      const total = d * DAY + h * HOUR + m * MINUTE + s * SECOND
      fc.pre(total > 0)
      const text = [d && `${d}d`, h && `${h}h`, m && `${m}m`, s && `${s}s`].filter(Boolean).join('')
      expect(parseDuration(text)).toBe(total)
    }),
  )
})

test('a printed duration reads back as the same time, to the second', () => {
  fc.assert(
    fc.property(fc.integer({ min: SECOND, max: 365 * DAY }), (ms) => {
      const shown = formatDuration(ms)
      expect(shown).toMatch(/^\d+h [0-5]?\dm [0-5]?\ds$/)
      expect(parseDuration(shown.replaceAll(' ', ''))).toBe(Math.floor(ms / SECOND) * SECOND)
    }),
  )
})

test('every text gives a valid duration or a refusal', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(...'0123456789.smhd-+ e') }),
    fc.string({ unit: 'grapheme' }),
  )
  fc.assert(
    fc.property(text, (any) => {
      try {
        const ms = parseDuration(any)
        expect(Number.isSafeInteger(ms) && ms >= SECOND && ms <= 365 * DAY).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(CanhazgpuError)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a negative time is printed as zero', () => {
  expect(formatDuration(-5_000)).toBe('0h 0m 0s')
  expect(formatDuration(30 * HOUR + 61 * SECOND)).toBe('30h 1m 1s')
})
