import { afterAll, beforeAll, expect, test } from 'bun:test'
import * as v from 'valibot'
import { hosts } from '../../src/views/schemas/fleet.ts'
import { embeddedPool } from '../support/embedded.ts'
import { needing } from '../support/needs.ts'
import type { TestPool } from '../support/pool.ts'
import { type RedisServer, redisServer } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { BROWSER, openBrowser, openPage, violations } from './browser.ts'
import { startDemo } from './demo-server.ts'
import { startWeb } from './web-server.ts'

const fleet = needing('redis-server', 'embedded pool')

fleet.describe('the hosts on a notice board', () => {
  let board: RedisServer
  let one: TestPool
  let two: TestPool
  beforeAll(async () => {
    board = await redisServer()
    one = await host('gpu1', 2)
    two = await host('gpu2', 4)
    await two.chg('reserve', '--gpus', '1', '--user', 'ann')
  })
  afterAll(() => {
    for (const each of [one, two, board]) each?.[Symbol.dispose]()
  })

  async function host(name: string, gpus: number): Promise<TestPool> {
    const pool = await embeddedPool(0)
    Object.assign(pool.env, { CANHAZGPU_FLEET: board.url, CANHAZGPU_HOST_NAME: name })
    await pool.chg('admin', '--gpus', String(gpus), '--provider', 'fake')
    return pool
  }

  const bothSeen = (seen: v.InferOutput<typeof hosts>) =>
    seen.hosts.map(({ gpus = [] }) => gpus.filter(({ status }) => status === 'AVAILABLE').length).join() ===
    '2,3'

  test('/api/hosts has all hosts; ?host= has one', async () => {
    const server = await startWeb(one)
    const seen = await until('both hosts are seen', async () => {
      const document = v.parse(hosts, await server.json('/api/hosts'))
      return bothSeen(document) ? document : undefined
    })
    expect(seen.configured).toBe(true)
    expect(seen.hosts.map(({ host: name, source }) => [name, source])).toEqual([
      ['gpu1', 'here'],
      ['gpu2', 'board'],
    ])
    const gpus: { user?: string }[] = await server.json('/api/status?host=gpu2')
    expect(gpus.map(({ user }) => user ?? '-').toSorted()).toEqual(['-', '-', '-', 'ann'])
    expect(await server.json<unknown[]>('/api/queue?host=gpu2')).toEqual([])
    expect((await server.get('/api/status?host=nobody')).status).toBe(404)
    expect((await server.get('/api/status?host=a&host=b')).status).toBe(400)
  })

  test('without the board the page works, and says what is missing', async () => {
    const server = await startWeb(two)
    await board.kill()
    const document = v.parse(hosts, await server.json('/api/hosts'))
    expect(document.board?.reason_code).toBe('board-unavailable')
    expect(document.hosts.map(({ host: name }) => name)).toContain('gpu2')
    expect((await server.get('/api/status')).status).toBe(200)
    const unknown = await server.get('/api/status?host=gpu9')
    expect(unknown.status).toBe(503)
    expect(await unknown.json()).toMatchObject({ error: { code: 'board-unavailable' } })
    await board.restart()
  })

  needing(BROWSER).test('the page has a section of hosts, which unfold to their GPUs', async () => {
    await two.chg('release')
    await two.chg('reserve', '--gpus', '1', '--user', 'ann')
    await one.chg('release')
    const server = await startWeb(one)
    await until('both hosts are seen', async () =>
      bothSeen(v.parse(hosts, await server.json('/api/hosts'))) ? true : undefined,
    )
    const browser = await openBrowser()
    try {
      await using opened = await openPage(browser, server.url)
      const section = opened.page.getByRole('region', { name: 'Hosts' })
      await section.getByText('3 of 4 free').waitFor()
      await section.getByText('gpu2').click()
      await section.getByText('by ann').waitFor()
      expect(await violations(opened.page)).toEqual([])
      await opened.page.setViewportSize({ width: 360, height: 740 })
      expect(
        await opened.page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
      ).toBeLessThanOrEqual(0)
      expect(opened.browserErrors).toEqual([])
    } finally {
      await browser.close()
    }
  })
})

test('the demo shows no host of this machine', async () => {
  await using demo = await startDemo()
  expect(await demo.server.json<object>('/api/hosts')).toEqual({ configured: false, hosts: [] })
})
