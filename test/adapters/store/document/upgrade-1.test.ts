import { expect, test } from 'bun:test'
import {
  decodePool,
  documentIn,
  encodePool,
  upgradedDocument,
} from '../../../../src/adapters/store/document/codec.ts'
import { examinePool } from '../../../../src/adapters/store/document/examine-document.ts'

const NOW = 1_750_000_000_000
const account = { uid: 1000, name: 'alice' }
const process = { pid: 42, startTime: 7, bootId: 'boot', pidNamespace: '1' }
const gpu = (id: number) => ({ id, uuid: `GPU-${id}`, name: 'simulated' })
const RUN = {
  ...{ id: 'a', gpus: [0], user: 'alice', account, startedAt: NOW, command: 'true' },
  ...{ kind: 'run', process, heartbeatAt: NOW },
}
const ENTRY = {
  ...{ id: 'q', user: 'bob', account, kind: 'run', process, joinedAt: NOW, heartbeatAt: NOW },
  request: { kind: 'count', count: 2 },
}
/** A document of version 1. */
const DOCUMENT = {
  host: 'box',
  provider: 'fake',
  gpus: [gpu(0), gpu(1)],
  reservations: [RUN],
  queue: [ENTRY],
  settings: { allocation: 'lru' },
  writtenAt: { wall: NOW, steady: { epoch: 'boot', ms: 5 } },
}

const edited = (parts: object = {}): string => JSON.stringify({ version: 1, ...DOCUMENT, ...parts })

/** A document with a checksum, as releases wrote it. */
function sealed(parts: object = {}): string {
  const body = JSON.stringify({ ...DOCUMENT, ...parts })
  return `{"version":1,"checksum":"${Bun.hash.xxHash64(body).toString(16)}",${body.slice(1)}`
}

test('a document of version 1 is read as one of the current version', () => {
  const pool = decodePool(sealed())
  expect(pool.reservations).toEqual([
    {
      id: 'a',
      owner: { account, shownName: 'alice' },
      holdings: [{ unit: '0', share: { kind: 'whole' } }],
      startedAt: NOW,
      term: { kind: 'run', process, heartbeatAt: NOW, command: 'true' },
    },
  ])
  expect(decodePool(edited())).toEqual(pool)
  expect(examinePool(sealed())).toEqual(pool)
  expect(decodePool(encodePool(pool, pool.writtenAt))).toEqual(pool)
})

test('an upgrade keeps the last use of a GPU, even if its account is not known', () => {
  const gpus = [
    { ...gpu(0), releasedAt: NOW },
    { ...gpu(1), releasedBy: 7 },
  ]
  const [first, second] = decodePool(sealed({ gpus })).units
  expect(first?.lastUse?.endedAt).toBe(NOW)
  expect(second).not.toHaveProperty('lastUse')
})

test('a document is upgraded once, and keeps the time at which it was written', () => {
  const upgraded = upgradedDocument(sealed())
  expect(upgraded).toStartWith('{"version":4,')
  expect(decodePool(upgraded)).toEqual(decodePool(sealed()))
  expect(upgradedDocument(upgraded)).toBeNull()
})

const FLAWS: Readonly<Record<string, object>> = {
  'a GPU in two reservations': { reservations: [RUN, { ...RUN, id: 'b' }] },
  'a GPU twice in one reservation': { reservations: [{ ...RUN, gpus: [0, 0] }] },
  'reserved GPUs that are not in order': { reservations: [{ ...RUN, gpus: [1, 0] }] },
  'a reserved GPU that does not exist': { reservations: [{ ...RUN, gpus: [2] }] },
  'a GPU with a negative number': { reservations: [{ ...RUN, gpus: [-1] }] },
  'a GPU number as text': { reservations: [{ ...RUN, gpus: ['0'] }] },
  'a reservation without GPUs': { reservations: [{ ...RUN, gpus: [] }] },
  'a requested GPU that does not exist': { queue: [{ ...ENTRY, request: { kind: 'ids', ids: [2] } }] },
  'a GPU that is requested twice': { queue: [{ ...ENTRY, request: { kind: 'ids', ids: [1, 1] } }] },
  'a request for more GPUs than the pool has': {
    queue: [{ ...ENTRY, request: { kind: 'count', count: 3 } }],
  },
  'GPU numbers that do not start at 0': { gpus: [gpu(1), gpu(2)], reservations: [], queue: [] },
  'two entries with one id': { queue: [ENTRY, ENTRY] },
  'a pool without GPUs': { gpus: [], reservations: [], queue: [] },
  'a time beyond the range of dates': { reservations: [{ ...RUN, startedAt: 1e16 }] },
  'a negative span': { queue: [{ ...ENTRY, duration: -1 }] },
  'a limit as text': { reservations: [{ ...RUN, timeLimit: 'soon' }] },
  'a term of version 2': { reservations: [{ ...RUN, kind: 'booking', from: NOW, until: NOW }] },
  'the field names of version 2': { gpus: undefined, units: [] },
  'pid 0': { reservations: [{ ...RUN, process: { ...process, pid: 0 } }] },
  'pid 4294967295': { reservations: [{ ...RUN, process: { ...process, pid: 4_294_967_295 } }] },
}

test.each(Object.entries(FLAWS))('%s is damage in version 1, and is not upgraded', (_, parts) => {
  for (const text of [edited(parts), sealed(parts)]) {
    expect(() => decodePool(text)).toThrow(
      expect.objectContaining({
        code: 'store-corrupt',
        message: expect.not.stringContaining('\n'),
      }),
    )
    expect(upgradedDocument(text)).toBeNull()
  }
})

test('a document of version 1 that was changed since it was written is refused', () => {
  const changed = sealed().replace('"simulated"', '"renamed"')
  expect(() => decodePool(changed)).toThrow(
    expect.objectContaining({ code: 'store-corrupt', message: expect.stringContaining('checksum') }),
  )
  expect(upgradedDocument(changed)).toBeNull()
})

test('the path of a wrong value in version 1 is reported', () => {
  const wrong = sealed({ reservations: [{ ...RUN, gpus: [-1] }] })
  expect(() => documentIn(wrong)).toThrow(
    expect.objectContaining({
      code: 'store-corrupt',
      message: expect.stringContaining('reservations.0.gpus.0'),
    }),
  )
})
