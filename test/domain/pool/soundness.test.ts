import { expect, test } from 'bun:test'
import { poolFaults } from '../../../src/domain/pool/soundness.ts'
import { wholeUnits } from '../../../src/domain/pool/units.ts'
import {
  bookingOf,
  maintenanceOf,
  manualOf,
  NOON,
  poolOf,
  runOf,
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

test('a unit has one holder at a time; a booking that begins later is not a holder yet', () => {
  const faultsWith = (from: number) =>
    poolFaults(
      poolOf(units(1), {
        reservations: [manualOf({ id: 'a' }), bookingOf({ id: 'b', from, until: from + 1 })],
      }),
    )
  expect(faultsWith(NOON.wall + 1)).toEqual([])
  expect(faultsWith(NOON.wall)).toEqual([containing('GPU 0', '2 reservations', 'a, b')])
})

test('a waiter for a unit that does not exist, or for one twice, is a fault', () => {
  const faultsOf = (...numbers: number[]) =>
    poolFaults(poolOf(units(2), { queue: [waiterOf({ request: theseUnits(...numbers) })] }))
  expect(faultsOf(0, 1)).toEqual([])
  expect(faultsOf(2)).toEqual([containing('waiter', 'queue', 'not exist')])
  expect(faultsOf(1, 1)).toEqual([containing('waiter', 'queue', 'twice')])
})
