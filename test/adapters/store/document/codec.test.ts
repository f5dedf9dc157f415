import { expect, test } from 'bun:test'
import { decodePool, decodeTurns, encodePool } from '../../../../src/adapters/store/document/codec.ts'
import { documentFault } from '../../../../src/adapters/store/document/document-check.ts'
import { examinePool } from '../../../../src/adapters/store/document/examine-document.ts'
import type { Pool, QueueEntry, RunReservation, RunTerm, Unit } from '../../../../src/domain/pool/model.ts'
import { wholeUnits } from '../../../../src/domain/pool/units.ts'

const MOMENT = { wall: 1_000, steady: { epoch: 'boot', ms: 5 } }
const unit = (id: string): Unit => ({
  id,
  device: { uuid: `GPU-${id}`, name: 'simulated' },
  shape: { kind: 'gpu' },
})
const POOL: Pool = {
  host: 'hôst "{}"',
  provider: 'fake',
  units: [unit('0')],
  reservations: [],
  queue: [],
  policy: { allocation: 'lru' },
  writtenAt: MOMENT,
}

/** The error for damage that a text of its message names. */
const damage = (fact: string) =>
  expect.objectContaining({ code: 'store-corrupt', message: expect.stringContaining(fact) })

test('a document is read as it was written', () => {
  expect(decodePool(encodePool(POOL, MOMENT))).toEqual(POOL)
})

test('a document that was changed after it was written is refused even if it is valid', () => {
  const changed = encodePool(POOL, MOMENT).replace('"simulated"', '"renamed"')
  expect(() => decodePool(changed)).toThrow(damage('checksum'))
})

test('a document edited by hand, without a checksum, is checked and accepted if it is sound', () => {
  const edited = encodePool(POOL, MOMENT)
    .replace('"simulated"', '"renamed"')
    .replace(/"checksum":"[^"]*",/, '')
  expect(decodePool(edited).units[0]?.device.name).toBe('renamed')
  expect(Object.keys(decodePool(edited)).toSorted()).toEqual(Object.keys(POOL).toSorted())
})

test('a value other than text is not a document', () => {
  for (const value of [null, 7, new Uint8Array(3)]) expect(() => decodePool(value)).toThrow(damage('text'))
})

test('unreadable turns are damage', () => {
  expect(decodeTurns('["a"]')).toEqual(['a'])
  for (const value of ['["a"', '{}', '[7]', null, 7])
    expect(() => decodeTurns(value)).toThrow(damage('turns'))
})

test('a correct checksum does not replace the checks: anyone can compute it', () => {
  const sealed = (parts: object) => encodePool({ ...POOL, ...parts } as Pool, MOMENT)
  expect(() => decodePool(sealed({ reservations: 'none' }))).toThrow(damage('reservations'))
  expect(() => examinePool(sealed({ reservations: 'none' }))).toThrow(damage('reservations'))
  expect(() => decodePool(sealed({ units: [] }))).toThrow(damage('no GPU'))
})

test('a document that is not JSON is damage even if its checksum is correct', () => {
  const body = '{"host":'
  const text = `{"version":3,"checksum":"${Bun.hash.xxHash64(body).toString(16)}",${body.slice(1)}`
  expect(() => decodePool(text)).toThrow(damage('JSON'))
})

test('damage in any part of a document is detected', () => {
  const text = encodePool(POOL, MOMENT)
  for (const damaged of [
    text.replace('"id":"0"', '"id":"7"'),
    text.replace('"lru"', '7'),
    text.slice(0, -3),
    '',
    '{',
  ]) {
    expect(() => decodePool(damaged)).toThrow(expect.objectContaining({ code: 'store-corrupt' }))
  }
})

test('a document without a checksum is checked', () => {
  expect(decodePool(JSON.stringify({ version: 3, ...POOL }))).toEqual(POOL)
})

const NOW = 1_750_000_000_000
const owner = { account: { uid: 1000, name: 'alice' }, shownName: 'alice' }
const process = { pid: 42, startTime: 7, bootId: 'boot', pidNamespace: '1' }
const TERM: RunTerm = { kind: 'run', process, heartbeatAt: NOW, command: 'true' }
const RUN: RunReservation = { id: 'a', owner, holdings: wholeUnits(['0']), startedAt: NOW, term: TERM }
const ENTRY: QueueEntry = {
  ...{ id: 'q', owner, process, joinedAt: NOW, heartbeatAt: NOW },
  request: { kind: 'count', count: 2 },
  term: { kind: 'run' },
}
const SOUND = {
  version: 3,
  ...POOL,
  units: [unit('0'), unit('1')],
  reservations: [RUN],
  queue: [ENTRY],
}

const FLAWS: Readonly<Record<string, object>> = {
  'a GPU in two reservations': { reservations: [RUN, { ...RUN, id: 'b' }] },
  'a GPU twice in one reservation': { reservations: [{ ...RUN, holdings: wholeUnits(['0', '0']) }] },
  'reserved GPUs that are not in order': {
    reservations: [{ ...RUN, holdings: wholeUnits(['0', '1']).toReversed() }],
  },
  'a reserved GPU that does not exist': { reservations: [{ ...RUN, holdings: wholeUnits(['2']) }] },
  'a requested GPU that does not exist': { queue: [{ ...ENTRY, request: { kind: 'ids', ids: ['2'] } }] },
  'a GPU that is requested twice': { queue: [{ ...ENTRY, request: { kind: 'ids', ids: ['1', '1'] } }] },
  'a request for more GPUs than the pool has': {
    queue: [{ ...ENTRY, request: { kind: 'count', count: 3 } }],
  },
  'two entries with one id': { queue: [ENTRY, ENTRY] },
  'an entry with the id of a reservation': { queue: [{ ...ENTRY, id: 'a' }] },
  'an empty id': { queue: [{ ...ENTRY, id: '' }] },
  'a pool without GPUs': { units: [], reservations: [], queue: [] },
  'a unit twice': { units: [unit('0'), unit('0'), unit('1')] },
  'units that are not in order': { units: [unit('1'), unit('0')] },
  'units in the order of text': { units: [unit('0'), unit('1'), unit('10'), unit('9')] },
  'an id that is not the id of a unit': { units: [unit('0'), unit('1'), unit('02')] },
  'a reservation without GPUs': { reservations: [{ ...RUN, holdings: [] }] },
  'a time beyond the range of dates': { reservations: [{ ...RUN, startedAt: 1e16 }] },
  'a negative span': { queue: [{ ...ENTRY, term: { kind: 'run', duration: -1 } }] },
  // kill(2) would signal the whole process group or, for 4294967295 as 32 bits, every process.
  'pid 0': { reservations: [{ ...RUN, term: { ...TERM, process: { ...process, pid: 0 } } }] },
  'pid 4294967295': {
    reservations: [{ ...RUN, term: { ...TERM, process: { ...process, pid: 4_294_967_295 } } }],
  },
}

test.each(Object.entries(FLAWS))('%s is damage', (_, part) => {
  expect(decodePool(JSON.stringify(SOUND)).reservations).toHaveLength(1)
  const { version, ...pool } = SOUND
  for (const text of [
    JSON.stringify({ version, ...pool, ...part }),
    encodePool({ ...pool, ...part } as Pool, MOMENT),
  ]) {
    expect(() => decodePool(text)).toThrow(
      expect.objectContaining({ code: 'store-corrupt', message: expect.not.stringContaining('\n') }),
    )
  }
})

test('times from a clock that was set back are not damage', () => {
  const early = { ...RUN, startedAt: -3_600_000, term: { ...TERM, heartbeatAt: -1 } }
  expect(decodePool(JSON.stringify({ ...SOUND, reservations: [early] })).reservations).toEqual([early])
})

test('unit ids are names: they need not start at 0', () => {
  const units = ['2', '3', '10'].map(unit)
  const held = { ...RUN, holdings: wholeUnits(['10', '3']) }
  const pool = { ...SOUND, units, reservations: [held] }
  expect(decodePool(JSON.stringify(pool)).units).toEqual(units)
})

test('a part of a GPU is refused because the history cannot record its use', () => {
  const text = JSON.stringify({ ...SOUND, units: ['0', '1', '1.0'].map(unit) })
  expect(documentFault(JSON.parse(text))).toBeUndefined()
  expect(() => decodePool(text)).toThrow(damage('unit 1.0'))
})
