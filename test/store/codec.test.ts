import { expect, test } from 'bun:test'
import { decodePool, decodeTurns, encodePool, examinePool } from '../../src/adapters/store/codec.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'
import type { Pool } from '../../src/domain/model.ts'

const MOMENT = { wall: 1_000, steady: { epoch: 'boot', ms: 5 } }
const POOL: Pool = {
  host: 'hôst "{}"',
  provider: 'fake',
  gpus: [{ id: 0, uuid: 'GPU-0', name: 'played' }],
  reservations: [],
  queue: [],
  settings: { allocation: 'lru' },
  writtenAt: MOMENT,
}

test('a document comes back as it was written', () => {
  expect(decodePool(encodePool(POOL, MOMENT))).toEqual(POOL)
})

test('a document that was changed since it was written is refused, however well it reads', () => {
  const changed = encodePool(POOL, MOMENT).replace('"played"', '"renamed"')
  expect(() => decodePool(changed)).toThrow(/damaged \(its checksum is wrong\)/)
})

test('one edited by hand, its checksum taken away, is examined and taken where it is sound', () => {
  const edited = encodePool(POOL, MOMENT)
    .replace('"played"', '"renamed"')
    .replace(/"checksum":"[^"]*",/, '')
  expect(decodePool(edited).gpus[0]?.name).toBe('renamed')
  expect(Object.keys(decodePool(edited)).toSorted()).toEqual(Object.keys(POOL).toSorted())
})

test('what is no text is no document', () => {
  for (const value of [null, 7, new Uint8Array(3)]) expect(() => decodePool(value)).toThrow(CanhazgpuError)
})

test('turns that cannot be read are damage, no failure of ours', () => {
  expect(decodeTurns('["a"]')).toEqual(['a'])
  for (const value of ['["a"', '{}', null, 7]) expect(() => decodeTurns(value)).toThrow(CanhazgpuError)
})

test('examining spares nothing, whatever the checksum says', () => {
  const body = JSON.stringify({ ...POOL, gpus: [], reservations: 'none' })
  const sealed = encodePool(JSON.parse(body), MOMENT)
  expect(decodePool(sealed).gpus).toEqual([])
  expect(() => examinePool(sealed)).toThrow(/damaged \(reservations/)
})

test('one that was damaged is refused, wherever it was', () => {
  const text = encodePool(POOL, MOMENT)
  for (const damaged of [
    text.replace('"id":0', '"id":7'),
    text.replace('"lru"', '7'),
    text.slice(0, -3),
    '',
    '{',
  ]) {
    expect(() => decodePool(damaged)).toThrow(CanhazgpuError)
  }
})

test('one without a checksum is examined', () => {
  expect(decodePool(JSON.stringify({ version: 1, ...POOL }))).toEqual(POOL)
})
