import { expect, test } from 'bun:test'
import { addToQueue, MOST_ENTRIES } from '../../../src/domain/operation/acquisition.ts'
import { MOST_ENTRIES_PER_ACCOUNT } from '../../../src/domain/policy/limits.ts'
import type { Pool } from '../../../src/domain/pool/model.ts'
import { poolFaults } from '../../../src/domain/pool/soundness.ts'
import { unlessRefused } from '../../../src/views/words/refusals.ts'
import { changeStoredPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { testPool } from '../../support/pool.ts'
import { hold, storedQueue, waitToRun } from '../../support/waiters.ts'

test('an account has at most 256 requests in the queue', async () => {
  using pool = await testPool(2)
  await hold(pool, '--gpus', '1')
  const waiter = await waitToRun(pool, '--gpus', '2')
  const [entry] = storedQueue(pool)
  if (entry === undefined) throw new Error('the queue is empty')
  // All entries have the process of the one real waiter.
  const others = Array.from({ length: MOST_ENTRIES_PER_ACCOUNT - 1 }, (_, nth) => ({
    ...entry,
    id: `copy${nth}`,
  }))
  changeStoredPool(pool, (document) => ({ ...document, queue: [...document.queue, ...others] }))

  for (const command of [
    ['run', '--wait', '--json', '--', 'true'],
    ['reserve', '--wait', '--json'],
  ]) {
    expect(failureOf(await pool.chg(...command))).toMatchObject({
      status: 75,
      code: 'too-many-waiting',
      reason: { code: 'over-limit', limit: 'account', waiting: 256, most: 256 },
    })
  }
  expect(storedQueue(pool)).toHaveLength(MOST_ENTRIES_PER_ACCOUNT)

  changeStoredPool(pool, (document) => ({ ...document, queue: document.queue.slice(0, -1) }))
  const last = await waitToRun(pool)
  expect(storedQueue(pool).at(-1)?.id).toBe(last.id)
  expect(waiter.stderr()).not.toContain('Error')
})

test('the limit counts by account, not by shown name', () => {
  let pool = EMPTY
  for (let nth = 0; nth < MOST_ENTRIES_PER_ACCOUNT; nth++) pool = joined(pool, 1, nth)
  expect(addToQueue(pool, intentOf(1, 256), { process }, KNOWN)).toEqual({
    refused: {
      ...{ code: 'over-limit', limit: 'account', waiting: 256, most: 256 },
      // The first of them could start now.
      frees: { at: 0, now: 0 },
    },
  })
  // A request that is already in the queue keeps its place.
  expect(addToQueue(pool, intentOf(1, 255), { process }, KNOWN)).toBe(pool)
  expect(joined(pool, 2, 0).queue).toHaveLength(257)
})

test('a queue has at most 4,096 requests; a stored pool with more is damaged', () => {
  let pool = EMPTY
  for (let nth = 0; nth < MOST_ENTRIES; nth++) {
    pool = joined(pool, Math.floor(nth / MOST_ENTRIES_PER_ACCOUNT), nth)
  }
  expect(poolFaults(pool)).toEqual([])
  expect(addToQueue(pool, intentOf(99, 0), { process }, KNOWN)).toEqual({
    refused: { code: 'over-limit', limit: 'queue', waiting: 4_096, most: 4_096 },
  })
  const [first] = pool.queue
  if (first === undefined) throw new Error('the queue is empty')
  const forged = { ...pool, queue: [...pool.queue, { ...first, id: 'one more' }] }
  expect(poolFaults(forged)).toEqual(['more than 4096 requests are in the queue'])
})

function joined(pool: Pool, uid: number, nth: number): Pool {
  return unlessRefused(addToQueue(pool, intentOf(uid, nth), { process }, KNOWN))
}

const KNOWN = { now: 0, stopped: () => false }

const process = { pid: 1, startTime: 1, bootId: 'boot', pidNamespace: '1' }

const EMPTY: Pool = {
  host: 'here',
  provider: 'fake',
  units: [{ id: '0', device: { uuid: 'GPU-0', name: 'Fake GPU' }, shape: { kind: 'gpu' } }],
  reservations: [],
  queue: [],
  policy: { allocation: 'lru' },
  writtenAt: { wall: 0, steady: { epoch: 'boot', ms: 0 } },
}

const intentOf = (uid: number, nth: number) => ({
  id: `${uid}-${nth}`,
  request: { kind: 'count' as const, count: 1 },
  owner: { account: { uid, name: `u${uid}` }, shownName: `shown${nth}` },
  term: { kind: 'manual' as const, duration: 1_000 },
})
