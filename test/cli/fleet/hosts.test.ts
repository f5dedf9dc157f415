import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import * as v from 'valibot'
import {
  queueOfHosts,
  reportOfHosts,
  statusOfHosts,
  summaryOfHosts,
} from '../../../src/views/schemas/fleet.ts'
import { failureOf } from '../../support/failure.ts'
import { needing } from '../../support/needs.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { type RedisServer, redisServer } from '../../support/redis.ts'
import { until } from '../../support/until.ts'

/** Several hosts: each has its own pool and name, and all have one board. */
needing('redis-server').describe('several hosts', () => {
  let server: RedisServer
  const pools: TestPool[] = []

  beforeAll(async () => {
    server = await redisServer()
  })

  afterAll(() => {
    for (const pool of pools) pool[Symbol.dispose]()
    server?.[Symbol.dispose]()
  })

  /** A host that publishes on the board. */
  async function host(name: string, gpus = 2, env: Record<string, string> = {}): Promise<TestPool> {
    const pool = await testPool(gpus, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: name, ...env })
    pools.push(pool)
    return pool
  }

  const json = async (pool: TestPool, ...args: string[]) => {
    const { stdout, stderr, status } = await pool.chg(...args, '--json')
    if (status !== 0) throw new Error(stderr)
    return JSON.parse(stdout)
  }

  /** The states of the GPUs of a host as another host sees them. */
  const seen = async (pool: TestPool, name: string): Promise<string> => {
    const [found] = v
      .parse(statusOfHosts, await json(pool, 'status', '--all'))
      .filter((each) => each.host === name)
    return (found?.gpus ?? []).map(({ status, user }) => `${status} ${user ?? ''}`.trim()).join(', ')
  }

  const settled = (pool: TestPool, name: string, expected: string) =>
    until(`${name} is seen as ${expected}`, async () => (await seen(pool, name)) === expected)

  test('each sees the others: status, queue and report, as text and as JSON', async () => {
    const one = await host('gpu1')
    const two = await host('gpu2')
    await two.chg('reserve', '--gpus', '1', '--note', 'a note', '--user', 'ann')
    await settled(one, 'gpu2', 'IN_USE ann, AVAILABLE')
    const waiter = two.start('run', '--gpus', '2', '--wait', '--', 'true')
    await until('the waiter is seen', async () => {
      const found = v.parse(queueOfHosts, await json(one, 'queue', '--all'))
      return found.some(({ host: name, places = [] }) => name === 'gpu2' && places.length === 1)
    })

    const lines = (await one.chg('status', '--all')).stdout.split('\n')
    expect(lines).toContain('gpu1: 2 of 2 available')
    expect(lines).toContain('gpu2: 1 of 2 available, 1 waiting')
    const note =
      /^GPU 0: IN USE by ann \(\w+\) for 0h 0m \d+s \(manual, expires in .*\) - a note \[validated: no actual usage detected\]$/
    expect(lines.filter((line) => note.test(line))).toHaveLength(1)
    const [only, ...others] = v.parse(statusOfHosts, await json(one, 'status', '--host', 'gpu2'))
    expect([only?.host, only?.source, only?.state, others.length]).toEqual(['gpu2', 'board', 'current', 0])

    const summary = v.parse(summaryOfHosts, await json(one, 'status', '--all', '--summary'))
    expect(summary.map((each) => [each.host, each.source, each.counts?.available, each.waiting])).toEqual([
      ['gpu1', 'here', 2, 0],
      ['gpu2', 'board', 1, 1],
    ])
    const table = (await one.chg('status', '--all', '--table', '--free')).stdout.trimEnd().split('\n')
    expect(table.map((line) => line.split(/ +/).slice(0, 3).join(' '))).toEqual([
      'HOST GPU STATUS',
      'gpu1 0 AVAILABLE',
      'gpu1 1 AVAILABLE',
      'gpu2 1 AVAILABLE',
    ])
    expect((await one.chg('queue', '--all')).stdout).toMatch(/^HOST.*\ngpu2 +1 +\S+ +2 GPUs +run .*1 free/)

    await until('the usage is seen', async () => {
      const report = v.parse(reportOfHosts, await json(one, 'report', '--all'))
      return report.users.some(({ user, manual }) => user.startsWith('ann (') && manual === 1)
    })
    const report = await one.chg('report', '--all', '--days', '92')
    expect(report.stdout).toMatch(/^ann \(\w+\) +\d.*1$/m)
    expect(report.stdout).toContain('Hosts: 2 of 2\n')
    expect(failureOf(await one.chg('report', '--all', '--days', '93', '--json'))).toMatchObject({
      code: 'usage',
    })

    await two.chg('release')
    expect(await waiter.exited).toBe(0)
    await settled(one, 'gpu2', 'AVAILABLE, AVAILABLE')
  })

  test('a run is seen until its command ends', async () => {
    const pool = await host('runner', 1)
    const other = await host('other', 1)
    const run = pool.start('run', '--', 'sleep', '600')
    await until('the run is seen', async () => (await seen(other, 'runner')).startsWith('IN_USE'))
    run.kill('SIGKILL')
    await settled(other, 'runner', 'AVAILABLE')
  })

  needing('embedded pool').test(
    'a reservation that has expired is not shown as held, also if nothing of its host runs',
    async () => {
      const pool = await host('idle', 1)
      const other = await host('looks', 1)
      const published = async () => String(await server.ask('HGET', 'canhazgpu:host:idle', 'status'))
      await pool.chg('reserve', '--duration', '3s')
      await until('it is published', async () => (await published()).includes('"IN_USE"'))
      await settled(other, 'idle', 'AVAILABLE')
      expect(await published()).toContain('"IN_USE"')
    },
  )

  test('a machine without GPUs sees all others, and wrong names and options are refused', async () => {
    const pool = await host('gpu3', 1)
    const login = await host('login', 0)
    await settled(login, 'gpu3', 'AVAILABLE')
    expect(failureOf(await login.chg('status', '--host', 'nobody', '--json'))).toMatchObject({
      code: 'host-unknown',
      status: 2,
    })
    expect(failureOf(await login.chg('status', '--host', '-oProxyCommand=x', '--json'))).toMatchObject({
      status: 2,
    })
    expect(failureOf(await pool.chg('status', '--host', 'gpu3', '--all', '--json'))).toMatchObject({
      code: 'usage',
    })
  })

  test('what others wrote to the board is shown safely, or not at all', async () => {
    const pool = await host('gpu4', 1)
    const write = (name: string, status: string) =>
      server.ask('HSET', `canhazgpu:host:${name}`, 'received', String(Date.now()), 'status', status)
    const gpu = {
      gpu_id: 0,
      status: 'IN_USE',
      gpu_model: '\u001b[2J',
      user: '\u001b]0;x\u0007ann',
      account: 'a\nb',
      note: '\u202egnp',
    }
    await write('evil', JSON.stringify({ version: 1, waiting: 0, gpus: [gpu] }))
    await write('junk', '{"version":1,"gpus":"all"}')
    for (const name of ['evil', 'junk']) await server.ask('ZADD', 'canhazgpu:hosts', String(Date.now()), name)
    const shown = await pool.chg('status', '--all')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be printed
    expect(shown.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/)
    expect(shown.stdout).toContain('junk: published nothing that this version of canhazgpu understands')
    expect(shown.stdout).toMatch(/^GPU 0: IN USE by .*ann/m)
    const states = v.parse(statusOfHosts, await json(pool, 'status', '--all'))
    expect(states.find((each) => each.host === 'junk')?.state).toBe('unreadable')
    await server.ask('DEL', 'canhazgpu:host:evil', 'canhazgpu:host:junk')
  })

  test('the URL can be in a file, and nothing shows it', async () => {
    const pool = await host('gpu5', 1)
    const path = `${pool.folder}/fleet-url`
    writeFileSync(path, `${server.url}\n`)
    pool.env.CANHAZGPU_FLEET = `file:${path}`
    expect((await pool.chg('status', '--all')).status).toBe(0)
    writeFileSync(path, 'redis:/secret-of-ann@board')
    const wrong = await pool.chg('status', '--all', '--json')
    expect(failureOf(wrong)).toMatchObject({ code: 'config-invalid' })
    expect(wrong.stderr).not.toContain('secret-of-ann')
    // A command on a GPU does not fail with it.
    expect((await pool.chg('reserve')).status).toBe(0)
    writeFileSync(path, 'redis://secret-of-ann:hidden@127.0.0.1:1')
    chmodSync(path, 0o600)
    const out = await pool.chg('status', '--all')
    expect([out.status, out.stderr]).toEqual([75, expect.stringContaining('127.0.0.1:1')])
    expect(out.stderr).not.toMatch(/secret-of-ann|hidden/)
    pool.env.CANHAZGPU_FLEET = 'redis://secret-of-ann:hidden@127.0.0.1:1'
    expect((await pool.chg('doctor', '--bundle', 'bundle.tar.gz')).stderr).not.toMatch(/secret-of-ann|hidden/)
    const unpacked = await pool.sh('tar -xOzf bundle.tar.gz')
    expect(unpacked.stdout).toContain('CANHAZGPU_FLEET')
    expect(unpacked.stdout).toMatch(/The notice board at host-\d+ cannot be used/)
    expect(unpacked.stdout).not.toMatch(/secret-of-ann|hidden|127\.0\.0\.1/)
    const lines = await pool.sh(`"$CHG" reserve --short 2>&1; "$CHG" release; ps -ef`)
    expect(lines.stdout).toContain('ps -ef')
    expect(lines.stdout).not.toMatch(/secret-of-ann|hidden/)
  })
})
