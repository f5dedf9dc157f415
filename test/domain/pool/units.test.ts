import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  compareUnits,
  gpuNumber,
  gpuUnit,
  hasUnit,
  unitsOf,
  wholeUnits,
} from '../../../src/domain/pool/units.ts'
import { poolOf, runOf, unit, units } from './builders.ts'

test('units are in the order of their numbers, and a GPU comes before its parts', () => {
  const inOrder = ['0', '1', '2', '3', '3.0', '3.1', '3.2', '3.10', '4', '10', '10.0', '11', '100']
  fc.assert(
    fc.property(fc.shuffledSubarray(inOrder, { minLength: inOrder.length }), (shuffled) => {
      expect(shuffled.toSorted(compareUnits)).toEqual(inOrder)
    }),
  )
})

test('the comparison of two units is antisymmetric, and equal only for the same name', () => {
  const id = fc.oneof(
    fc.nat(1023).map(gpuUnit),
    fc.tuple(fc.nat(1023), fc.nat(20)).map(([gpu, part]) => `${gpu}.${part}`),
  )
  fc.assert(
    fc.property(id, id, (a, b) => {
      expect(Math.sign(compareUnits(a, b)) + Math.sign(compareUnits(b, a))).toBe(0)
      expect(compareUnits(a, b) === 0).toBe(a === b)
    }),
  )
})

test('a GPU is named by its number, and its parts have the same number', () => {
  fc.assert(
    fc.property(fc.nat(1023), fc.nat(20), (gpu, part) => {
      expect(gpuUnit(gpu)).toBe(`${gpu}`)
      expect(gpuNumber(gpuUnit(gpu))).toBe(gpu)
      expect(gpuNumber(`${gpu}.${part}`)).toBe(gpu)
    }),
  )
})

test('holdings of whole units are in the order of the units', () => {
  const holdings = wholeUnits(['10', '2', '3.1', '3'])
  expect(holdings).toEqual(['2', '3', '3.1', '10'].map((id) => ({ unit: id, share: { kind: 'whole' } })))
  expect(unitsOf({ holdings })).toEqual(['2', '3', '3.1', '10'])
  expect(unitsOf(runOf({ units: [11, 0, 9] }))).toEqual(['0', '9', '11'])
})

test('a unit of the pool is found by its exact name, not by its place', () => {
  const pool = poolOf([...units(2), unit(5)])
  expect(['0', '1', '2', '5', '5.0', '05', ''].filter((id) => hasUnit(pool, id))).toEqual(['0', '1', '5'])
})
