import { expect, test } from 'bun:test'
import { decodePool, encodePool, upgradedDocument } from '../../../../src/adapters/store/document/codec.ts'
import { examinePool } from '../../../../src/adapters/store/document/examine-document.ts'

/** As a release wrote it, with its checksum. */
const RELEASED = await Bun.file(new URL('../../../fixtures/pool-document-3.txt', import.meta.url)).text()

test('a document of version 3 is read as it was written', () => {
  const { version: _, checksum: __, ...content } = JSON.parse(RELEASED)
  const pool = decodePool(RELEASED)
  expect<unknown>(pool).toEqual(content)
  expect(examinePool(RELEASED)).toEqual(pool)
  expect(upgradedDocument(RELEASED)).toBe(encodePool(pool, pool.writtenAt))
})

test('a changed document of version 3 is refused by its checksum, and a wrong value by the check', () => {
  const damage = (fact: string) =>
    expect.objectContaining({ code: 'store-corrupt', message: expect.stringContaining(fact) })
  expect(() => decodePool(RELEASED.replace('lab-4', 'lab-5'))).toThrow(damage('checksum'))
  const edited = RELEASED.replace(/"checksum":"[^"]*",/, '')
  expect(decodePool(edited.replace('lab-4', 'lab-5')).host).toBe('lab-5')
  expect(() => decodePool(edited.replace('"holdings"', '"gpus"'))).toThrow(damage('holdings'))
})
