import { describe, expect, test } from 'bun:test'
import { poolFaults } from '../../../src/domain/pool/soundness.ts'
import { wholeUnits } from '../../../src/domain/pool/units.ts'
import {
  bookedOf,
  bookingOf,
  maintenanceOf,
  manualOf,
  NOON,
  poolOf,
  runOf,
  someUnits,
  theseUnits,
  units,
  waiterOf,
} from './builders.ts'

const held = runOf({ units: [2, 10] })

/** Matches a text with these facts in this order. The words have their own test in test/views/words. */
const containing = (...facts: string[]) => expect.stringMatching(new RegExp(facts.join('.*')))

test('a pool with holdings in numeric order is sound', () => {
  const reservations = [
    held,
    manualOf({ units: [3] }),
    bookingOf({ units: [4] }),
    maintenanceOf({ units: [5] }),
  ]
  const pool = poolOf(units(11), { reservations, queue: [waiterOf({ request: theseUnits(10, 2) })] })
  expect(poolFaults(pool)).toEqual([])
})

test('holdings out of order, twice, of unknown units or of two reservations are faults', () => {
  const faultsOf = (...reservations: Parameters<typeof manualOf>[0][]) =>
    poolFaults(poolOf(units(11), { reservations: reservations.map(manualOf) }))
  const [ten, two] = [wholeUnits(['10']), wholeUnits(['2'])].flat()
  if (ten === undefined || two === undefined) throw new Error('no holdings')
  const holding = (...holdings: (typeof ten)[]) =>
    poolFaults(poolOf(units(11), { reservations: [{ ...held, holdings }] }))
  expect(holding(two, ten)).toEqual([])
  expect(holding(ten, two)).toEqual([containing('run', 'order', '10, 2')])
  expect(holding(two, two)).toEqual([containing('run', 'twice', '2, 2')])
  expect(faultsOf({ id: 'a', units: [11, 12] })).toEqual([containing('a', '11, 12', 'not exist')])
  expect(faultsOf({ id: 'a', units: [1] }, { id: 'b', units: [0, 1] })).toEqual([
    containing('GPU 1', '2 reservations', 'a, b'),
  ])
})

test('a unit has one holder at a time; a booking is not a holder before it begins', () => {
  const reservations = [manualOf({ id: 'a' }), bookingOf({ id: 'b' })]
  expect(poolFaults(poolOf(units(1), { reservations }))).toEqual([
    containing('GPU 0', '2 reservations', 'a, b'),
  ])
  const begun = { reservations: [manualOf()], bookings: [bookedOf({ from: NOON.wall })] }
  expect(poolFaults(poolOf(units(1), begun))).toEqual([])
})

describe('a fault of bookings', () => {
  const faultsOf = (...bookings: Parameters<typeof bookedOf>[0][]) =>
    poolFaults(poolOf(units(4), { bookings: bookings.map(bookedOf) }))
  const [now, later] = [NOON.wall, NOON.wall + 1_000]

  test('is none if they follow one another, or have other units', () => {
    const first = { id: 'a', from: now, until: later }
    expect(faultsOf(first, { id: 'b', from: later }, { id: 'c', from: later, units: [1, 2] })).toEqual([])
  })

  test('is a unit at the same time, or one that does not exist', () => {
    const first = { id: 'a', from: now, until: later }
    expect(faultsOf(first, { id: 'b', from: later - 1 })).toEqual([containing('b', 'GPU 0')])
    expect(faultsOf({ units: [4], request: someUnits(1) })).toEqual([containing('booked', 'GPU 4')])
  })

  test('is a wrong order, an empty time, or another number of units than requested', () => {
    expect(faultsOf({ id: 'a', from: later }, { id: 'b', from: now, units: [1] })).toEqual([
      containing('b', 'time'),
    ])
    expect(faultsOf({ from: now, until: now })).toEqual([containing('booked', 'time')])
    expect(faultsOf({ request: someUnits(2) })).toEqual([containing('booked', 'GPUs')])
  })

  test('is an id that belongs to a reservation or waiter too', () => {
    const bookings = [bookedOf({ id: 'a' })]
    const pool = poolOf(units(1), { bookings, reservations: [manualOf({ id: 'a' })] })
    expect(poolFaults(pool)).toEqual([containing('a', 'more than one')])
  })
})

test('a waiter for a unit that does not exist, or for one twice, is a fault', () => {
  const faultsOf = (...numbers: number[]) =>
    poolFaults(poolOf(units(2), { queue: [waiterOf({ request: theseUnits(...numbers) })] }))
  expect(faultsOf(0, 1)).toEqual([])
  expect(faultsOf(2)).toEqual([containing('waiter', 'queue', 'not exist')])
  expect(faultsOf(1, 1)).toEqual([containing('waiter', 'queue', 'twice')])
})
