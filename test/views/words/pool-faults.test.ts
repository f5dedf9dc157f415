import { expect, test } from 'bun:test'
import { poolFaults } from '../../../src/domain/pool/soundness.ts'
import { wholeUnits } from '../../../src/domain/pool/units.ts'
import { manualOf, poolOf, runOf, theseUnits, units, waiterOf } from '../../domain/pool/builders.ts'

test('the words for each fault of a pool', () => {
  const held = runOf({ units: [0] })
  const reservations = [
    held,
    manualOf({ id: 'a', units: [0, 7, 8] }),
    { ...held, id: 'b', holdings: [...wholeUnits(['2']), ...wholeUnits(['1'])] },
    manualOf({ id: '', units: [3] }),
  ]
  const queue = [
    waiterOf({ id: 'a', request: theseUnits(9) }),
    waiterOf({ id: 'c', request: theseUnits(1, 1) }),
  ]
  expect(poolFaults(poolOf(units(4), { reservations, queue }))).toEqual([
    'GPU 0 is in 2 reservations (run, a)',
    'reservation a holds GPU 7, 8, which does not exist',
    'reservation b names GPUs twice or out of order (2, 1)',
    'an id is empty',
    'the id a belongs to more than one reservation, booking or queue entry',
    'a waits in the queue for GPUs that do not exist',
    'c waits in the queue for a GPU twice',
  ])
  expect(poolFaults(poolOf([]))).toEqual(['there is no GPU'])
})
