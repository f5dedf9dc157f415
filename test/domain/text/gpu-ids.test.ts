import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseGpuIds } from '../../../src/domain/text/gpu-ids.ts'

/** An error of the code `usage` with these facts after the text that was refused. */
const refusal = (...facts: string[]) =>
  expect.objectContaining({
    code: 'usage',
    message: expect.stringMatching(new RegExp(`': .*${facts.join('.*')}`)),
  })

test('numbers and ranges are sorted', () => {
  expect(parseGpuIds('5, 0-2,7')).toEqual(['0', '1', '2', '5', '7'])
})

test('ids are in the order of their numbers and without leading zeros', () => {
  expect(parseGpuIds('10,9,011,0002,000')).toEqual(['0', '2', '9', '10', '11'])
  expect(parseGpuIds('08-11')).toEqual(['8', '9', '10', '11'])
  expect(() => parseGpuIds('01,1')).toThrow(refusal('1', 'twice'))
})

test('any set of ids reads back as the same set', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 1023 }), { minLength: 1 }), (ids) => {
      expect(parseGpuIds(ids.join(','))).toEqual(ids.toSorted((a, b) => a - b).map(String))
    }),
  )
})

test.each([
  ['1,1', ['GPU 1', 'twice']],
  ['0-3,2', ['GPU 2', 'twice']],
  ['3-1', ['3-1', 'backwards']],
  ['1024', ['1023']],
  ['', ['expected numbers']],
  ['1,', ['expected numbers']],
  ['-1', ['expected numbers']],
] as const)('%p is refused', (text, facts) => {
  expect(() => parseGpuIds(text)).toThrow(refusal(...facts))
})
