import { expect } from 'bun:test'
import type { ImportedDocument } from '../../../src/views/schemas/admin.ts'
import { storedHistory } from '../../support/database.ts'
import { embeddedPool } from '../../support/embedded.ts'
import { needing } from '../../support/needs.ts'
import { originalData, originalRecords, restoreOriginal } from '../../support/original.ts'
import { redisServer } from '../../support/redis.ts'
import { ownName } from '../../support/unix-users.ts'
import { wrongClock } from '../../support/wrong-clock.ts'

/** An account of every machine. */
const OTHER = 'daemon'
const ANN = { user: ownName(), account: ownName() }
const BEN = { user: OTHER, account: OTHER }
const ZOE = { user: 'zoe', account: 'zoe' }

/** What each program's own `status`, `queue` and `report` showed at that time. */
const RECORDED = [
  {
    program: 'go',
    gpus: 12,
    reservations: [
      { gpu_ids: [0, 6], ...ANN, running: false, expires_at: '2036-11-24T17:48:49.000Z' },
      // It waited in the queue, and collected its GPUs in 40 seconds.
      { gpu_ids: [2, 5, 8, 9], ...BEN, running: true },
      { gpu_ids: [3], user: 'Team Vision', account: OTHER, running: false },
      // Started in the same millisecond.
      { gpu_ids: [10], ...ANN, running: true },
      { gpu_ids: [11], ...ANN, running: true },
    ],
    missing: { reservations: [{ gpu_ids: [4], ...ZOE }], records: 0, waiting: 2 },
    records: 20,
    pastReservations: { [ANN.user]: 4, [OTHER]: 4 },
  },
  {
    program: 'first-go',
    gpus: 6,
    reservations: [
      { gpu_ids: [0, 4], ...BEN, running: true },
      { gpu_ids: [2, 3], ...ANN, running: false, expires_at: '2036-11-24T17:48:03.000Z' },
    ],
    missing: { reservations: [], records: 0, waiting: 0 },
    records: 8,
    pastReservations: { [ANN.user]: 2, [OTHER]: 2, zoe: 1 },
  },
  {
    program: 'python',
    gpus: 6,
    reservations: [
      { gpu_ids: [0, 1], ...ANN, running: false, expires_at: '2036-11-24T17:46:27.000Z' },
      { gpu_ids: [2], ...BEN, running: true },
    ],
    missing: { reservations: [], records: 0, waiting: 0 },
    records: 0,
    pastReservations: {},
  },
] as const

for (const { program, gpus, reservations, missing, records, pastReservations } of RECORDED) {
  needing('redis-server', 'gcc', 'embedded pool').test(
    `what the original program '${program}' wrote is taken over completely`,
    async () => {
      const data = originalData(program, { ann: ANN.user, ben: OTHER })
      using server = await redisServer()
      await restoreOriginal(data, server.ask)
      using clock = wrongClock()
      clock.set(Math.ceil((data.at - Date.now()) / 1_000))
      using pool = await embeddedPool(0, clock.env)

      const words = ['admin', '--import', server.url, '--provider', 'fake', '--json']
      const { status, stdout, stderr } = await pool.chg(...words)
      expect([status, stderr]).toEqual([0, ''])
      const document: ImportedDocument = JSON.parse(stdout)
      expect(document).toMatchObject({ gpus, imported: { records }, not_imported: missing })
      expect(document.imported.reservations).toHaveLength(reservations.length)
      expect(document.imported.reservations).toMatchObject(structuredClone([...reservations]))

      const history = storedHistory(pool)
      const told = originalRecords(data).map((record) => ({
        gpu: record.gpu_id,
        started_at: Date.parse(record.start_time),
        ended_at: Date.parse(record.end_time),
      }))
      expect(history).toHaveLength(told.length)
      for (const record of told) expect(history).toContainEqual(expect.objectContaining(record))
      const ids = Map.groupBy(history, ({ user }) => user)
      const counts = [...ids].map(([user, all]) => [user, new Set(all.map((one) => one.reservation)).size])
      expect(Object.fromEntries(counts)).toEqual({ ...pastReservations })
      expect((await pool.chg('admin', '--check')).status).toBe(0)
    },
  )
}

needing('redis-server', 'embedded pool').test(
  'a record that a later version copied is taken over once, and one that it did not copy too',
  async () => {
    const data = originalData('first-go', { ann: ANN.user, ben: OTHER })
    using server = await redisServer()
    await restoreOriginal(data, server.ask)
    const [, copied] = Object.entries(data.keys).find(([key]) => key.includes('usage_history:')) ?? []
    await server.ask('ZADD', 'canhazgpu:usage_history_sorted', '1', String(copied))
    using pool = await embeddedPool(0)
    const { stdout } = await pool.chg(
      ...['admin', '--import', server.url, '--provider', 'fake', '--dry-run', '--json'],
    )
    // The run of the data has ended since then: a record for each of its two GPUs.
    expect(JSON.parse(stdout)).toMatchObject({ imported: { records: 8 + 2 } })
  },
)
