import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { AccountDocument } from '../../src/views/schemas/accounts.ts'
import type { PolicyDocument } from '../../src/views/schemas/policy.ts'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { newGroup, newUser, noUsers, ownName, sharedPool, type UnixUser } from '../support/unix-users.ts'
import { until } from '../support/until.ts'
import { must } from './busy-pool.ts'
import { openEvents } from './live/event-stream.ts'
import { served, startWeb, type TestServer } from './web-server.ts'

const ON_LOOPBACK = ['web', '--host', '127.0.0.1', '--port', '0']

const accountsOf = (server: TestServer) => server.json<readonly AccountDocument[]>('/api/accounts')

describe('/api/policy', () => {
  test('is the document of policy --json, and an event announces a change of the rules', async () => {
    using pool = await testPool(2)
    const server = await startWeb(pool)
    await using events = await openEvents(server)
    const first = await events.until(() => true)
    const same = async () => {
      const { stdout } = await pool.chg('policy', '--json')
      const { rules, ...others } = JSON.parse(stdout) as PolicyDocument
      // The page does not know who looks.
      const forEveryone = rules.map(({ in_force: _, used: __, ...rule }) => rule)
      expect(await server.json<object>('/api/policy')).toEqual({ ...others, rules: forEveryone })
    }
    await same()
    await must(pool, 'policy', 'set', 'max-gpus', '1')
    const second = await events.until(({ policy_version }) => policy_version !== first.policy_version)
    await same()
    await must(pool, 'policy', 'unset', 'max-gpus')
    await events.until(({ policy_version }) => policy_version !== second.policy_version)
    await same()
  })

  test('neither rules nor accounts need the driver', async () => {
    using pool = await testPool(1)
    await must(pool, 'reserve')
    pool.setFakeDriver({ hang: true })
    const server = await startWeb(pool)
    expect(await server.json<object>('/api/policy')).toHaveProperty('rules')
    expect(await accountsOf(server)).toHaveLength(1)
    expect(await server.json<object>('/healthz')).toEqual({ status: 'ok', driver: 'asleep' })
  })
})

describe('/api/accounts', () => {
  let pool: TestPool
  let server: TestServer
  beforeAll(async () => {
    pool = await testPool(4)
    await must(pool, 'policy', 'set', 'max-gpus', '2')
    await must(pool, 'policy', 'set', 'max-duration', '1d', '--account', ownName())
    await must(pool, 'reserve', '--gpu-ids', '1', '--duration', '3h', '--user', 'somebody else')
    await must(pool, 'reserve', '--gpu-ids', '3', '--duration', '2h')
    pool.start('run', '--wait', '--', 'true')
    await until('one command waits', async () => {
      const { stdout } = await pool.chg('queue', '--json')
      return JSON.parse(stdout).length === 1
    })
    server = await startWeb(pool)
  })
  afterAll(() => pool?.[Symbol.dispose]())

  test('has the use and the limits of the account, whatever its shown names are', async () => {
    const [account, ...others] = await accountsOf(server)
    expect(others).toEqual([])
    const [end] = (await pool.status()).flatMap((gpu) => (gpu.gpu_id === 3 ? gpu.expiry_time : []))
    expect(account).toMatchObject({
      ...{ account: ownName(), gpus: 2, gpu_ids: [1, 3], waiting: 1, next_end: end, allowed_at: end },
    })
    expect(account?.limits.map(({ rule, amount, source }) => [rule, amount, source])).toEqual([
      ['max-gpus', 2, 'pool'],
      ['max-duration', 86_400, 'account'],
      ['default-duration', undefined, 'default'],
      ['max-waiting', 256, 'default'],
      ['bookings', undefined, 'default'],
      ['max-booked-ahead', 7 * 86_400, 'default'],
    ])
    expect(account).not.toHaveProperty('unknown_limits')
  })

  test('the metrics have use and limits, and when a GPU was drained', async () => {
    await must(pool, 'drain', '0', '--reason', 'fan')
    const text = await until('the metrics show the drain', async () => {
      const each = await server.metrics()
      return each.includes('canhazgpu_gpu_drained{gpu="0"} 1') && each
    })
    const values = Object.fromEntries(
      [...text.matchAll(/^canhazgpu_(\w+)\{account="([^"]*)"\} (\S+)$/gm)].map(([, name, account, value]) => {
        expect(account).toBe(ownName())
        return [name, Number(value)]
      }),
    )
    expect(values).toEqual({
      ...{ account_gpus: 2, account_gpus_limit: 2, account_waiting: 1, account_waiting_limit: 256 },
      account_bookings: 0,
      account_duration_limit_seconds: 86_400,
    })
    const since = (await pool.status())[0]?.drain?.since ?? ''
    expect(text).toContain(`canhazgpu_gpu_drained_timestamp_seconds{gpu="0"} ${Date.parse(since) / 1000}\n`)
    expect(text).not.toContain('canhazgpu_gpu_drained_timestamp_seconds{gpu="1"}')
  })

  test('the report names the account of each shown name', async () => {
    const { users } = await server.json<{ users: readonly { user: string; account: string }[] }>(
      '/api/report',
    )
    expect(users.map(({ user, account }) => [user, account]).sort()).toEqual(
      [
        [ownName(), ownName()],
        [`somebody else (${ownName()})`, ownName()],
      ].sort(),
    )
  })
})

needing('users').describe('limits of groups', () => {
  const group = noUsers() === null ? newGroup() : undefined
  let ann: UnixUser
  beforeAll(async () => {
    ann = await newUser('ann', [group?.name ?? ''])
  })
  afterAll(async () => {
    await ann.remove()
    group?.remove()
  })

  test('hold for a member without a request in the queue; an ordinary account can serve them', async () => {
    using pool = await sharedPool(2)
    await must(pool, 'policy', 'set', 'max-gpus', '1', '--group', group?.name ?? '')
    expect((await ann.chg(pool, 'reserve')).status).toBe(0)
    for (const server of [await startWeb(pool), await served(ann.start(pool, ...ON_LOOPBACK))]) {
      const [account] = await accountsOf(server)
      expect(account).toMatchObject({ account: ann.name, gpus: 1 })
      expect(account?.limits[0]).toMatchObject({
        ...{ rule: 'max-gpus', amount: 1, source: 'group', name: group?.name },
      })
    }
  })
})
