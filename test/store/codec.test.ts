import { expect, test } from 'bun:test'
import { decodePool, encodePool } from '../../src/adapters/store/codec.ts'
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

test('a document edited by hand is examined, and taken where it is sound', () => {
  const edited = encodePool(POOL, MOMENT).replace('"played"', '"renamed"')
  expect(decodePool(edited).gpus[0]?.name).toBe('renamed')
  expect(Object.keys(decodePool(edited)).toSorted()).toEqual(Object.keys(POOL).toSorted())
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

test('one without a seal is examined', () => {
  expect(decodePool(JSON.stringify({ version: 1, ...POOL }))).toEqual(POOL)
})
