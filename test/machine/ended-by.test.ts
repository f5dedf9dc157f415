import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync } from 'node:fs'
import type { HistoryDocument } from '../../src/views/schemas/usage.ts'
import { storedHistory, withDatabase } from '../support/database.ts'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { newUser, ownName, type UnixUser } from '../support/unix-users.ts'
import { startWeb } from '../web/web-server.ts'

const endedBy = (pool: TestPool) =>
  withDatabase(pool, (db) => db.query('SELECT gpu, uid, name FROM ended_by ORDER BY gpu').values())

needing('users').describe('the history records the account that', () => {
  let alice: UnixUser
  beforeAll(async () => {
    alice = await newUser('alice')
  })
  afterAll(() => alice.remove())

  async function sharedPool(gpus: number): Promise<TestPool> {
    const pool = await testPool(0)
    chmodSync(pool.folder, 0o755)
    await pool.chg('admin', '--gpus', String(gpus), '--provider', 'fake')
    return pool
  }

  test("released another account's GPU; it records none if a run ended or its holder released it", async () => {
    using pool = await sharedPool(4)
    await alice.chg(pool, 'reserve', '--gpu-ids', '0')
    await alice.chg(pool, 'reserve', '--gpu-ids', '1')
    await pool.chg('reserve', '--gpu-ids', '2')
    await alice.chg(pool, 'run', '--gpu-ids', '3', '--', 'true')
    await pool.chg('release', '--gpu-ids', '0,2')
    await alice.chg(pool, 'release')
    await pool.status()
    expect(storedHistory(pool)).toHaveLength(4)
    expect(endedBy(pool)).toEqual([[0, 0, ownName()]])

    const server = await startWeb(pool)
    const { records } = await server.json<HistoryDocument>('/api/history')
    expect(records.map(({ gpu_id, ended_by }) => [gpu_id, ended_by])).toContainEqual([0, ownName()])
    expect(records.flatMap(({ ended_by }) => ended_by ?? [])).toEqual([ownName()])
    await server.stop()
  })

  test('reset the pool, even if its file is damaged later', async () => {
    using pool = await sharedPool(2)
    await alice.chg(pool, 'reserve', '--gpu-ids', '0')
    await pool.chg('reserve', '--gpu-ids', '1')
    await pool.chg('admin', '--gpus', '2', '--force')
    const both = [
      [0, 0, ownName()],
      [1, 0, ownName()],
    ]
    expect(endedBy(pool)).toEqual(both)
    withDatabase(pool, (db) => db.run(`UPDATE pool SET document = 'damaged'`))
    expect((await pool.chg('admin', '--gpus', '2', '--force', '--provider', 'fake')).status).toBe(0)
    expect(endedBy(pool)).toEqual(both)
  })
})
