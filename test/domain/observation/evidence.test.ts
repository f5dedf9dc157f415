import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { availabilityOf, claimableBy } from '../../../src/domain/observation/allocation.ts'
import { isOccupied, isWorking, memoryEvidence } from '../../../src/domain/observation/evidence.ts'
import { readingsOf } from '../../../src/domain/observation/readings.ts'
import { statusOf } from '../../../src/domain/observation/status.ts'
import { acquire } from '../../../src/domain/operation/acquisition.ts'
import type { GpuMeasurement, GpuProcess, Pool, Probe } from '../../../src/domain/pool/model.ts'
import { gpuUnit } from '../../../src/domain/pool/units.ts'
import { validationOf } from '../../../src/views/words/status/validation.ts'
import { THRESHOLD_MB } from '../pool/arbitraries.ts'
import { manualOf, NOON, owner, poolOf, someUnits, unit, units } from '../pool/builders.ts'

const process = (memoryMb: number | undefined, more: Partial<GpuProcess> = {}): GpuProcess => ({
  pid: 7,
  name: 'python3',
  uid: 1000,
  ...(memoryMb === undefined ? {} : { memoryMb }),
  ...more,
})
const desktop = (memoryMb: number | undefined) => process(memoryMb, { name: 'Xorg', graphics: true })
const card = (memoryUsedMb: number, ...processes: GpuProcess[]): GpuMeasurement => ({
  kind: 'measured',
  memoryUsedMb,
  memoryTotalMb: 8192,
  processes,
})
const unified = (...processes: GpuProcess[]): GpuMeasurement => ({
  kind: 'measured',
  memoryUsedMb: processes.reduce((sum, { memoryMb = 0 }) => sum + memoryMb, 0),
  memoryBy: 'processes',
  processes,
})

describe('a GPU without a reservation', () => {
  test.each([
    ['memory at the threshold', card(1024), true],
    ['memory below it', card(1023), false],
    ['two encoders on a small card', card(610, process(230), process(370)), true],
    ['one small program', card(5, process(64)), true],
    ['a compositor', card(40, process(25)), false],
    [
      'many small processes whose sum is the threshold',
      card(5, ...Array.from({ length: 41 }, () => process(25))),
      true,
    ],
    ['a desktop', card(700, desktop(400), desktop(250)), false],
    ['a desktop with the memory of the threshold', card(5, desktop(600), desktop(424)), true],
    ['a process of unknown memory on a card that reports its memory', card(300, process(undefined)), false],
    ['a utilization of 100 % and no memory', { ...card(0), utilizationPercent: 100 }, false],
    ['a GB10 with its desktop', unified(desktop(18)), false],
    ['a busy GB10', unified(desktop(18), process(91_268)), true],
    ['a GB10 with a process of unknown memory', unified(process(undefined)), true],
    ['a GB10 with a desktop of unknown memory', unified(desktop(undefined)), true],
  ])('with %s is in use: %p %p', (_, use, expected) => {
    expect(isOccupied(use as GpuMeasurement, THRESHOLD_MB)).toBe(expected as boolean)
  })

  test('is in use by its memory, the sum of its processes, or one compute process', () => {
    const anyProcess = fc.record({ memoryMb: fc.nat(2000), graphics: fc.boolean() })
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.array(anyProcess, { maxLength: 4 }),
        fc.nat(2000),
        (used, list, threshold) => {
          const use = card(
            used,
            ...list.map(({ memoryMb, graphics }) => (graphics ? desktop(memoryMb) : process(memoryMb))),
          )
          let sum = 0
          let computes = false
          for (const { memoryMb, graphics } of list) {
            sum += memoryMb
            if (!graphics && memoryMb >= 64) computes = true
          }
          expect(isOccupied(use, threshold)).toBe(used >= threshold || sum >= threshold || computes)
        },
      ),
    )
  })
})

test('a compute process uses a reserved GPU, a desktop does not', () => {
  expect(isWorking(card(30, process(25)), THRESHOLD_MB)).toBe(true)
  expect(isWorking(card(30, process(undefined)), THRESHOLD_MB)).toBe(true)
  expect(isWorking(card(30, desktop(25)), THRESHOLD_MB)).toBe(false)
  expect(isWorking(card(0), THRESHOLD_MB)).toBe(false)
})

describe('the memory in use is taken from', () => {
  const held = [{ memoryMb: 18 }, { memoryMb: 26_000 }, {}]
  test.each([
    ['the card', { usedMb: 5, totalMb: 8192, processes: held }, { kind: 'card', usedMb: 5 }],
    ['the card of unknown size', { usedMb: 5, processes: held }, { kind: 'card', usedMb: 5 }],
    ['the card alone', { usedMb: 5, totalMb: 8192 }, { kind: 'card', usedMb: 5 }],
    ['the processes: N/A', { processes: held }, { kind: 'processes', usedMb: 26_018 }],
    [
      'the processes: 0 of 0',
      { usedMb: 0, totalMb: 0, processes: held },
      { kind: 'processes', usedMb: 26_018 },
    ],
    [
      'the larger of both: of 0',
      { usedMb: 30_000, totalMb: 0, processes: held },
      { kind: 'processes', usedMb: 30_000 },
    ],
    [
      'the processes: of the host',
      { usedMb: 60_000, totalMb: 122_566, processes: [] },
      { kind: 'processes', usedMb: 0 },
    ],
    ['nothing: N/A', {}, { kind: 'none' }],
    ['nothing: 0 of 0', { usedMb: 0, totalMb: 0 }, { kind: 'none' }],
    ['nothing: of the host', { usedMb: 60_000, totalMb: 122_566 }, { kind: 'none' }],
  ] as const)('%s', (_, reported, expected) => {
    expect(memoryEvidence(reported, 122_566)).toEqual(expected)
  })

  test('the card, if the host’s memory is unknown', () => {
    expect(memoryEvidence({ usedMb: 60_000, totalMb: 122_566, processes: [] }, undefined)).toMatchObject({
      kind: 'card',
    })
  })
})

describe('the parts of a card that reports its memory only as a whole', () => {
  const part = (index: number, unexplainedMb: number, ...processes: GpuProcess[]) => ({
    index,
    uuid: `GPU-${index}`,
    name: 'part',
    state: { ...unified(...processes), card: { id: index < 2 ? 'one' : 'two', unexplainedMb } },
  })
  const probe = (...readings: ReturnType<typeof part>[]): Probe => ({ provider: 'amd-smi', readings })
  const pool = poolOf(units(4))
  const heldBy = (gpu: number): Pool => ({ ...pool, reservations: [manualOf({ units: [gpu] })] })
  const kinds = (at: Pool, reported: Probe) =>
    statusOf(at, readingsOf(at, reported), THRESHOLD_MB).map(({ kind }) => kind)

  test('are all in use by memory that no process and no reservation accounts for', () => {
    const reported = probe(part(0, 20_000), part(1, 20_000), part(2, 283), part(3, 283))
    expect(kinds(pool, reported)).toEqual(['unreserved', 'unreserved', 'available', 'available'])
    expect(kinds(heldBy(2), reported)).toEqual(['unreserved', 'unreserved', 'reserved', 'available'])
  })

  test('are free if another part is reserved, because the memory belongs to its holder', () => {
    const reported = probe(part(0, 20_000), part(1, 20_000), part(2, 283), part(3, 283))
    expect(kinds(heldBy(0), reported)).toEqual(['reserved', 'available', 'available', 'available'])
    const use = readingsOf(heldBy(0), reported).get('0')?.use
    expect(use?.kind === 'measured' && isWorking(use, THRESHOLD_MB)).toBe(true)
  })

  test('are in use only by their own processes otherwise', () => {
    const reported = probe(part(0, 200, process(20_000)), part(1, 200), part(2, 0), part(3, 0))
    expect(kinds(pool, reported)).toEqual(['unreserved', 'available', 'available', 'available'])
  })
})

describe('a claim', () => {
  const evidence = (...uses: GpuMeasurement[]) => ({
    readings: new Map(uses.map((use, index) => [gpuUnit(index), { uuid: `GPU-${index}`, use, index }])),
    thresholdMb: THRESHOLD_MB,
    claimant: 1000,
  })

  test('takes only GPUs that are in use', () => {
    const reported = evidence(
      card(30, process(25)),
      card(610, process(230), process(370)),
      card(0),
      card(5000, process(4900)),
    )
    const pool = poolOf(units(4))
    expect(claimableBy(pool, reported)).toEqual(['1', '3'])
    expect([...availabilityOf(pool, { ...reported, claimant: 2000 }).values()]).toEqual([
      'free',
      'occupied',
      'free',
      'occupied',
    ])
  })

  test('does not take GPUs with memory that no process accounts for', () => {
    const reported = evidence(
      card(9000, process(100)),
      card(1100, process(100)),
      card(9000, process(undefined)),
    )
    const pool = poolOf(units(3))
    expect(claimableBy(pool, reported)).toEqual(['1', '2'])
    expect([...availabilityOf(pool, reported).values()]).toEqual(['occupied', 'free', 'free'])
  })

  test('of another account does not take them', () => {
    const reported = evidence(card(610, process(230), process(370, { uid: 2000 })))
    expect(claimableBy(poolOf(units(1)), reported)).toEqual([])
  })
})

test('a GPU with a small process is not granted', () => {
  const pool = poolOf(units(1))
  const readings = new Map([['0', { uuid: 'GPU-0', use: card(400, process(370)), index: 0 }]])
  const term = { kind: 'manual', duration: 1000 } as const
  const intent = { id: 'r', request: someUnits(1), owner: owner(1, 'x'), term }
  const conditions = {
    now: NOON.wall,
    stopped: () => false,
    evidence: { readings, thresholdMb: THRESHOLD_MB },
  }
  const { result } = acquire(pool, intent, conditions)
  expect(result).toMatchObject({ kind: 'refused', shortage: { occupied: [{ unit: '0' }] } })
})

describe('the validation of a reserved GPU names its other users', () => {
  const validationWith = (...processes: GpuProcess[]) => {
    const reservation = manualOf({ owner: owner(1000, 'ann') })
    const use = card(30_000, ...processes)
    return validationOf({ kind: 'reserved', unit: unit(0), use, reservation }, THRESHOLD_MB)
  }
  const benu = process(20_000, { uid: 2000, user: 'benu' })
  const compositor = process(25, { uid: 0, user: 'root' })

  test.each([
    ['nobody else', [process(20_000)], '30000MB, 1 processes'],
    ['another too', [process(10_000), benu], '30000MB, 2 processes, also used by benu'],
    ['only another', [benu], '30000MB, 1 processes, used by benu, not by ann'],
    [
      'several',
      [benu, process(64, { uid: 7 }), benu],
      '30000MB, 3 processes, used by benu, uid 7, not by ann',
    ],
    [
      'the desktop',
      [compositor, process(400, { uid: 0, user: 'root', graphics: true })],
      '30000MB, 2 processes',
    ],
    ['an unknown owner', [{ pid: 3, name: 'x' }], '30000MB, 1 processes'],
    [
      'an unknown owner and another',
      [{ pid: 3, name: 'x' }, benu],
      '30000MB, 2 processes, also used by benu',
    ],
    ['a name alone', [{ pid: 3, name: 'x', user: 'benu' }], '30000MB, 1 processes'],
  ])('%s', (_, processes, expected) => {
    expect(validationWith(...(processes as GpuProcess[]))).toBe(expected as string)
  })
})
