import { describe, expect, test } from 'bun:test'
import {
  fromByteText,
  toByteText,
  variable,
  withVariables,
} from '../../../src/adapters/process/environment.ts'

describe('variables', () => {
  const before = ['A=1', 'B=2', 'odd', '=strange', 'A=3', 'AB=4', '__proto__=5']

  test('replace the first entry, and remove its duplicates', () => {
    expect(withVariables(before, { A: '9' })).toEqual([
      'A=9',
      'B=2',
      'odd',
      '=strange',
      'AB=4',
      '__proto__=5',
    ])
  })

  test('are added at the end', () => {
    expect(withVariables(before, { C: '', D: 'x=y' })).toEqual([...before, 'C=', 'D=x=y'])
  })

  test('are removed', () => {
    expect(withVariables(before, { A: null, C: null, AB: null })).toEqual([
      'B=2',
      'odd',
      '=strange',
      '__proto__=5',
    ])
  })

  test('are written as UTF-8', () => {
    expect(withVariables([], { A: 'ü' })).toEqual(['A=\u00c3\u00bc'])
  })

  test('are found by their whole name; the first of several counts', () => {
    expect(variable(before, 'A')).toBe('1')
    expect(variable(before, 'AB')).toBe('4')
    expect(variable(before, 'od')).toBeUndefined()
  })
})

test('bytes convert back to the original text', () => {
  expect(fromByteText(toByteText('grün 🙂'))).toBe('grün 🙂')
})
