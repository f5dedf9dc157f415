import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { formatMemory, parseMemory } from '../../../src/domain/text/memory.ts'

test.each([
  ['40G', 38_146],
  ['40g', 38_146],
  ['40GB', 38_146],
  ['80G', 76_293],
  ['40GiB', 40_960],
  ['40960MB', 40_960],
  ['40960m', 40_960],
  ['1.5G', 1_430],
  ['16 GB', 15_258],
])('%j is %d MB', (text, mb) => {
  expect(parseMemory(text, '--min-memory')).toBe(mb)
})

test('the memory of a card is at least the size in its name', () => {
  // What the driver reports for an A10, an A100-40GB, an L40S, an H100-80GB and an H200.
  for (const [size, mb] of [
    ['24G', 23_028],
    ['40G', 40_536],
    ['48G', 46_068],
    ['80G', 81_559],
    ['141G', 143_771],
  ] as const) {
    expect(parseMemory(size, '--min-memory')).toBeLessThanOrEqual(mb)
  }
})

test.each(['', 'G', '40', '0G', '-1G', '40T', '4e9G', '1.2345G', '40 G B', 'abc', '999999999G'])(
  '%j is wrong usage',
  (text) => {
    expect(() => parseMemory(text, '--min-memory')).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('--min-memory') }),
    )
  },
)

test('each size is printed in a form that means the same', () => {
  expect([38_146, 40_960, 40_000].map(formatMemory)).toEqual(['40G', '40960MB', '40000MB'])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999_999_999 }), (mb) => {
      expect(parseMemory(formatMemory(mb), '--min-memory')).toBe(mb)
    }),
  )
})
