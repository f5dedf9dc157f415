import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { printable, printableJson, shortened } from '../../../src/domain/text/text.ts'

test('printable text cannot move the cursor, recolor or reverse the line, or start a new line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
    }),
    { numRuns: 1_000 },
  )
  expect(printable('\u001b[31mred\u001b[0m\r\nrow\u202egnol')).toBe('[31mred [0m row gnol')
})

test('names in any script do not change', () => {
  for (const name of ['alice', '山田太郎', 'Ольга', 'José', 'a b']) expect(printable(name)).toBe(name)
})

test('shortened text never exceeds its length', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), (text, length) => {
      expect(shortened(text, length).length).toBeLessThanOrEqual(length)
    }),
  )
})

test('invisible characters are removed', () => {
  for (const nothing of ['\u3164', '\u115f\u1160', '\uffa0', '\u034f', '\u200b\u2060', '\ufeff'])
    expect(printable(nothing)).toBe('')
  expect(printable('al\u200bice')).not.toBe('alice')
})

test('shortened text ends with a whole character', () => {
  expect(shortened('abc😀def', 5)).toBe('abc…')
  expect(shortened('abc😀def', 6)).toBe('abc😀…')
})

test('printed JSON has the same value, and cannot move the cursor', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (value) => {
      for (const indent of [undefined, 2]) {
        const json = printableJson(value, indent)
        expect(json.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)))
      }
    }),
    { numRuns: 1_000 },
  )
})
