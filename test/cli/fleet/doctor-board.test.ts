import { expect, test } from 'bun:test'
import { findingsOf } from '../../../src/views/documents/doctor-document.ts'
import { inDaemonMode, needing } from '../../support/needs.ts'
import { passTime } from '../../support/pass-time.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { type RedisServer, redisServer } from '../../support/redis.ts'
import { until } from '../../support/until.ts'

const foundBy = async (pool: TestPool) =>
  findingsOf(JSON.parse((await pool.chg('doctor', 'board', '--json')).stdout))

test('without a board there is nothing to examine', async () => {
  using pool = await testPool(1)
  expect(await foundBy(pool)).toMatchObject([{ code: 'board-unused' }])
})

needing('redis-server').describe('doctor examines the notice board', () => {
  const examined = (title: string, body: (pool: TestPool, server: RedisServer) => Promise<void>) =>
    test.concurrent(title, async () => {
      using server = await redisServer()
      using pool = await testPool(1, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'gpu1' })
      await until('it is published', async () => (await server.ask('EXISTS', 'canhazgpu:host:gpu1')) === 1)
      await body(pool, server)
    })

  examined('it answers, and has this host', async (pool, server) => {
    const place = `127.0.0.1:${server.port}`
    expect(await foundBy(pool)).toMatchObject([{ code: 'board-current', server: place }])
    const { stdout, status } = await pool.chg('doctor', 'board')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^ok +board +The notice board at \S+ has this host as it was \d+ s ago$/m)
    using desk = await testPool(0, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'desk' })
    expect(await foundBy(desk)).toMatchObject([{ code: 'board-reached', server: place }])
  })

  examined('it is gone, or refuses the password: why, and without the password', async (pool, server) => {
    await server.ask('ACL', 'SETUSER', 'ann', 'on', '>right', '+@all', '~*')
    pool.env.CANHAZGPU_FLEET = server.url.replace('//', '//ann:hidden@')
    const { stdout, status } = await pool.chg('doctor', 'board')
    expect(status).toBe(1)
    expect(stdout).toContain('cannot be used: it refuses the name or the password')
    expect(stdout).not.toContain('hidden')
    await server.kill()
    expect(await foundBy(pool)).toMatchObject([
      {
        code: 'board-out',
        reason: expect.stringContaining('nothing listens there'),
        hint: expect.any(String),
      },
    ])
  })

  examined('the file with its URL cannot be read', async (pool) => {
    pool.env.CANHAZGPU_FLEET = 'file:/nowhere/fleet'
    const { stdout, status } = await pool.chg('doctor', 'board')
    expect(status).toBe(1)
    expect(stdout).toMatch(/^failure +board +Cannot read \/nowhere\/fleet.*\n +the file must contain the URL/)
  })

  examined('the configuration cannot be read', async (pool) => {
    pool.env.CANHAZGPU_FLEET = 'board.example.org'
    expect(await foundBy(pool)).toMatchObject([
      { code: 'unexamined', reason: expect.stringContaining('doctor configuration') },
    ])
  })

  examined('this account may only read it', async (pool, server) => {
    await server.ask('ACL', 'SETUSER', 'reader', 'on', '>right', '+@read', '+eval', '+time', '~*')
    pool.env.CANHAZGPU_FLEET = server.url.replace('//', '//reader:right@')
    const expected = inDaemonMode
      ? { code: 'board-current' }
      : { code: 'board-unwritable', reason: expect.stringContaining("can't run this command") }
    expect(await foundBy(pool)).toMatchObject([expected])
  })

  examined('it has nothing of this host', async (pool, server) => {
    await server.ask('FLUSHALL')
    expect(await foundBy(pool)).toMatchObject([{ code: 'board-lacks-host', host: 'gpu1' }])
    // Without a daemon, the check publishes.
    if (!inDaemonMode) expect(await foundBy(pool)).toMatchObject([{ code: 'board-current' }])
  })

  examined('this host has changed since it was published: for how long', async (pool, server) => {
    if (inDaemonMode) {
      await server.ask('HINCRBY', 'canhazgpu:host:gpu1', 'received', '-3600000')
    } else {
      // As an account that cannot read the URL.
      pool.env.CANHAZGPU_FLEET = ''
      expect(await pool.chg('reserve')).toMatchObject({ status: 0 })
      pool.env.CANHAZGPU_FLEET = server.url
      await passTime(pool, 1_800_000)
      await server.ask('HINCRBY', 'canhazgpu:host:gpu1', 'received', '-3600000')
    }
    const { stdout } = await pool.chg('doctor', 'board')
    expect(stdout).toMatch(
      /^warning +board +Publishing has failed for 1h 0m \d+s: this host has changed since/m,
    )
  })
})
