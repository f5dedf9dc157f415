import { expect, test } from 'bun:test'
import type { ImportedDocument } from '../../../src/views/schemas/admin.ts'
import { goEntry, goHold, goRecord, goReleased, luaHold } from '../../domain/original/texts.ts'
import { storedHistory, storedPool } from '../../support/database.ts'
import { embeddedPool } from '../../support/embedded.ts'
import { failureOf } from '../../support/failure.ts'
import { inDaemonMode, needing } from '../../support/needs.ts'
import { testPool } from '../../support/pool.ts'
import { type RedisServer, redisServer } from '../../support/redis.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const USER = Bun.spawnSync(['id', '-un']).stdout.toString().trim()
const NO_USER = 'no-such-user'
const embedded = needing('redis-server', 'embedded pool')

/** An original pool of 4 simulated GPUs: two reserved by this account, one by a user without account, one free. */
async function originalPool(now: number): Promise<RedisServer> {
  const server = await redisServer()
  const user = USER
  await server.ask('SET', 'canhazgpu:gpu_count', '4')
  await server.ask('SET', 'canhazgpu:provider', 'fake')
  const manual = { kind: 'manual', start: now - HOUR, expiry: now + HOUR, note: 'paper' } as const
  await server.ask('SET', 'canhazgpu:gpu:0', luaHold({ user, ...manual }))
  await server.ask('SET', 'canhazgpu:gpu:1', goHold({ user, kind: 'run', start: now - HOUR, heartbeat: now }))
  await server.ask(
    'SET',
    'canhazgpu:gpu:2',
    luaHold({ user: NO_USER, kind: 'run', start: now - HOUR, heartbeat: now }),
  )
  await server.ask('SET', 'canhazgpu:gpu:3', goReleased(now - HOUR))
  await server.ask('ZADD', 'canhazgpu:queue', '1', 'waiting')
  await server.ask('SET', 'canhazgpu:queue:entry:waiting', goEntry(now))
  for (const gpu of [0, 1]) {
    const record = goRecord({ user, gpu, start: now - 3 * HOUR, end: now - 2 * HOUR })
    await server.ask('ZADD', 'canhazgpu:usage_history_sorted', String(now / 1_000), record)
  }
  return server
}

embedded.test('--import takes over GPUs, reservations and history, and names what it does not', async () => {
  using server = await originalPool(Date.now())
  using pool = await embeddedPool(0)
  const { status, stdout } = await pool.chg('admin', '--import', `redis://127.0.0.1:${server.port}`, '--json')
  expect(status).toBe(0)
  const { imported, ...document }: ImportedDocument = JSON.parse(stdout)
  expect(document).toEqual({
    ...{ result: 'initialized', gpus: 4 },
    not_imported: {
      reservations: [{ gpu_ids: [2], user: NO_USER, account: NO_USER }],
      records: 0,
      waiting: 1,
    },
  })
  expect(imported).toMatchObject({
    records: 2,
    reservations: [
      { gpu_ids: [0], user: USER, uid: process.geteuid?.() ?? 0, running: false },
      { gpu_ids: [1], user: USER, uid: process.geteuid?.() ?? 0, running: true },
    ],
  })
  const stored = storedPool(pool)
  expect(stored).toMatchObject({ provider: 'fake', reservations: [{ note: 'paper' }, {}] })
  expect(stored.units.map(({ lastUse }) => lastUse !== undefined)).toEqual([true, true, false, true])
  expect(storedHistory(pool).map(({ gpu, outcome }) => ({ gpu, outcome }))).toEqual([
    { gpu: 0, outcome: 'exited' },
    { gpu: 1, outcome: 'exited' },
  ])
  const released = await pool.chg('release')
  expect(released.stdout).toBe('Released 2 GPU(s): [0, 1]\n')
  expect((await pool.chg('admin', '--check')).status).toBe(0)
})

embedded.test('a dry run creates nothing', async () => {
  using server = await originalPool(Date.now())
  using pool = await embeddedPool(0)
  const url = `redis://127.0.0.1:${server.port}`
  const planned = await pool.chg('admin', '--import', url, '--dry-run', '--json')
  expect([planned.status, JSON.parse(planned.stdout).result]).toEqual([0, 'planned'])
  expect(failureOf(await pool.chg('status', '--json'))).toMatchObject({ code: 'pool-not-initialized' })
})

embedded.test(
  'an existing pool stays; --force replaces it, and a second import adds no record twice',
  async () => {
    using server = await originalPool(Date.now())
    using pool = await embeddedPool(2)
    const url = `redis://127.0.0.1:${server.port}`
    for (const more of [[], ['--dry-run']]) {
      const refused = failureOf(await pool.chg('admin', '--import', url, ...more, '--json'))
      expect(refused.code).toBe('pool-already-initialized')
    }
    expect(storedPool(pool).units).toHaveLength(2)
    for (const _ of [1, 2]) expect((await pool.chg('admin', '--import', url, '--force')).status).toBe(0)
    expect(storedPool(pool).reservations).toHaveLength(2)
    // The second set-up ends the reservations of the first.
    const outcomes = storedHistory(pool).map(({ outcome }) => outcome)
    expect(outcomes.sort()).toEqual(['exited', 'exited', 'reset', 'reset'])
    expect((await pool.chg('release')).status).toBe(0)
    expect(storedHistory(pool)).toHaveLength(6)
  },
)

embedded.test('a GPU whose state cannot be read stops the import', async () => {
  using server = await originalPool(Date.now())
  using pool = await embeddedPool(0)
  await server.ask('SET', 'canhazgpu:gpu:3', '{"user":"someone"}')
  const refused = await pool.chg('admin', '--import', `redis://127.0.0.1:${server.port}`, '--json')
  expect(failureOf(refused)).toMatchObject({ code: 'usage', message: expect.stringContaining('GPU 3') })
  expect(failureOf(await pool.chg('status', '--json'))).toMatchObject({ code: 'pool-not-initialized' })
})

embedded.test('a server without such a pool, and no server', async () => {
  using server = await redisServer()
  using pool = await embeddedPool(0)
  const importFrom = (port: number) =>
    pool.chg('admin', '--import', `redis://127.0.0.1:${port}`, '--json', '--provider', 'fake')
  expect(failureOf(await importFrom(server.port))).toMatchObject({ code: 'usage' })
  await server.kill()
  expect(failureOf(await importFrom(server.port))).toMatchObject({ code: 'failure' })
})

test('addresses and options that cannot be right', async () => {
  using pool = await testPool(0)
  const words = [
    ['--import', 'http://localhost'],
    ['--import', 'redis://user:secret@localhost'],
    ['--import', 'redis://localhost', '--gpus', '4'],
    ['--import', 'redis://localhost', '--check'],
    ['--dry-run'],
  ]
  for (const each of words) {
    const { stderr, ...refused } = await pool.chg('admin', ...each, '--json')
    expect(failureOf({ ...refused, stderr })).toMatchObject({ code: 'usage', status: 2 })
    expect(stderr).not.toContain('secret')
  }
})

needing('redis-server').test('a pool of the daemon is refused', async () => {
  if (!inDaemonMode) return
  using server = await originalPool(Date.now())
  using pool = await testPool(0)
  const refused = await pool.chg('admin', '--import', `redis://127.0.0.1:${server.port}`, '--json')
  expect(failureOf(refused)).toMatchObject({
    code: 'usage',
    hint: expect.stringContaining('service install'),
  })
})
