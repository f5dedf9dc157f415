import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseGpuIds } from '../../../src/domain/text/gpu-ids.ts'

test('numbers and ranges are sorted', () => {
  expect(parseGpuIds('5, 0-2,7')).toEqual(['0', '1', '2', '5', '7'])
})

test('ids are in the order of their numbers and without leading zeros', () => {
  expect(parseGpuIds('10,9,011,0002,000')).toEqual(['0', '2', '9', '10', '11'])
  expect(parseGpuIds('08-11')).toEqual(['8', '9', '10', '11'])
  expect(() => parseGpuIds('01,1')).toThrow('GPU 1 is named twice')
})

test('any set of ids reads back as the same set', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 1023 }), { minLength: 1 }), (ids) => {
      expect(parseGpuIds(ids.join(','))).toEqual(ids.toSorted((a, b) => a - b).map(String))
    }),
  )
})

test.each([
  ['1,1', 'GPU 1 is named twice'],
  ['0-3,2', 'GPU 2 is named twice'],
  ['3-1', 'backwards'],
  ['1024', 'the largest id is 1023'],
  ['', 'expected numbers'],
  ['1,', 'expected numbers'],
  ['-1', 'expected numbers'],
])('%p is refused', (text, why) => {
  expect(() => parseGpuIds(text)).toThrow(why)
})
