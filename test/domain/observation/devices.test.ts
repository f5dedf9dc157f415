import { expect, test } from 'bun:test'
import { compareDriver } from '../../../src/app/compare-driver.ts'
import { adopted, matchDevices } from '../../../src/domain/observation/devices.ts'
import type { GpuReading } from '../../../src/domain/pool/model.ts'
import { adminDocument } from '../../../src/views/documents/admin-document.ts'
import { adminText } from '../../../src/views/words/admin-answers.ts'
import { idle } from '../pool/arbitraries.ts'
import { poolOf, unit } from '../pool/builders.ts'

/** GPUs of the pool by their UUIDs, in order. */
const gpusOf = (...uuids: string[]) =>
  uuids.map((uuid, number) => unit(number, { device: { uuid, name: 'Card' } }))

/** The driver's readings of these UUIDs, in its order. */
const shown = (...uuids: string[]): GpuReading[] =>
  uuids.map((uuid, index) => ({ index, uuid, name: 'Card', state: idle() }))

const outcome = (gpus: string[], readings: string[]) =>
  [...matchDevices(gpusOf(...gpus), shown(...readings)).entries()]
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, match]) => (match.kind === 'missing' ? 'missing' : `${match.kind} ${match.reading.index}`))

test.each([
  [
    ['a', 'b'],
    ['a', 'b'],
    ['same 0', 'same 1'],
  ],
  [
    ['a', 'b'],
    ['b', 'a'],
    ['same 1', 'same 0'],
  ],
  [
    ['a', 'b'],
    ['x', 'y'],
    ['replaced 0', 'replaced 1'],
  ],
  [
    ['a', 'b'],
    ['a', 'y'],
    ['same 0', 'replaced 1'],
  ],
  [
    ['a', 'b', 'c'],
    ['x', 'a', 'b'],
    ['same 1', 'same 2', 'replaced 0'],
  ],
  // A lost card replaces nothing.
  [
    ['a', 'b', 'c'],
    ['a', 'c'],
    ['same 0', 'missing', 'same 1'],
  ],
  [
    ['a', 'b', 'c'],
    ['x', 'y'],
    ['replaced 0', 'replaced 1', 'missing'],
  ],
  // The pool has only the first GPUs of the machine. The others do not replace a lost card.
  [
    ['a', 'b'],
    ['b', 'c', 'd'],
    ['missing', 'same 0'],
  ],
  [
    ['a', 'b'],
    ['x', 'y', 'c', 'd'],
    ['replaced 0', 'replaced 1'],
  ],
  // Without a UUID, the number decides.
  [
    ['', 'b'],
    ['a', 'b'],
    ['same 0', 'same 1'],
  ],
  [
    ['a', 'b'],
    ['', 'b'],
    ['same 0', 'same 1'],
  ],
])('pool %j, driver %j: %j', (gpus, readings, expected) => {
  expect(outcome(gpus, readings)).toEqual(expected)
})

test('a faulty GPU that is reported without UUID and name keeps the stored ones', () => {
  const gpu = unit(0, { device: { uuid: 'a', name: 'Card' } })
  const reading: GpuReading = { index: 0, uuid: '', name: '', state: { kind: 'fault', reason: 'lost' } }
  expect(adopted(gpu, { kind: 'same', reading })).toBe(gpu)
})

test('an adopted GPU keeps its last use', () => {
  const device = { uuid: 'a', name: 'Card' }
  const gpu = unit(0, { device, lastUse: { endedAt: 5, uid: 7 } })
  const [reading] = shown('x')
  if (reading === undefined) throw new Error('no reading')
  expect(adopted(gpu, { kind: 'replaced', reading })).toEqual({ ...gpu, device: { ...device, uuid: 'x' } })
})

test('GPUs that the pool does not manage are listed, and are not a problem', async () => {
  const pool = poolOf(gpusOf('a'))
  const driver = await compareDriver(pool, async () => ({ provider: 'nvml', readings: shown('a', 'b') }))
  expect(driver).toEqual({ kind: 'compared', shown: 2, differences: [] })
  const counts = { gpus: 1, reservations: 0, waiting: 0, records: 0 }
  const checked = { kind: 'checked', path: '/pool.db', problems: [], counts, driver } as const
  expect(adminDocument(checked)).toMatchObject({ sound: true, problems: [] })
  expect(adminText(checked).stderr).toMatch(/\b2 GPUs\b.*\b1\b/)
})
