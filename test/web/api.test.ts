import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type TestPool, testPool } from '../support/pool.ts'
import { until } from '../support/until.ts'
import { busyPool, must } from './busy-pool.ts'
import { openEvents } from './live/event-stream.ts'
import { mismatches, type Schema } from './schema.ts'
import { startWeb, type TestServer } from './web-server.ts'

let pool: TestPool
let server: TestServer

beforeAll(async () => {
  pool = await busyPool()
  server = await startWeb(pool)
})
afterAll(() => pool?.[Symbol.dispose]())

interface OpenApi {
  readonly paths: Readonly<
    Record<string, { readonly get: { readonly responses: Readonly<Record<string, Answer>> } }>
  >
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

interface Answer {
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>
}

describe('every answer matches /api/openapi.json', () => {
  const CASES: readonly (readonly [path: string, status: number])[] = [
    ['/api/status', 200],
    ['/api/queue', 200],
    ['/api/schedule', 200],
    ['/api/policy', 200],
    ['/api/accounts', 200],
    ['/api/hosts', 200],
    ['/api/status?host=nobody', 404],
    ['/api/queue?host=a&host=b', 400],
    ['/api/snapshot', 200],
    ['/api/report', 200],
    ['/api/report?days=1', 200],
    ['/api/report?days=90', 200],
    ['/api/report?days=0', 400],
    ['/api/daily?days=7', 200],
    ['/api/daily?days=91', 400],
    ['/api/history', 200],
    ['/api/history?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00%2B01:00', 200],
    ['/api/history?from=yesterday', 400],
    ['/healthz', 200],
    ['/api/openapi.json', 200],
  ]
  for (const [path, status] of CASES) {
    test(`${path}: ${status}`, async () => {
      const api = await server.json<OpenApi>('/api/openapi.json')
      const response = await server.get(path)
      expect(response.status).toBe(status)
      const described = api.paths[path.split('?')[0] ?? '']?.get.responses[status]
      const schema = described?.content['application/json']?.schema
      expect(schema).toBeDefined()
      expect(mismatches(await response.json(), schema ?? {}, api.components.schemas)).toEqual([])
    })
  }

  test('every address in it is requested by these tests', async () => {
    const api = await server.json<OpenApi>('/api/openapi.json')
    const requested = new Set([...CASES.map(([path]) => path.split('?')[0]), '/api/events', '/metrics'])
    expect(Object.keys(api.paths).filter((path) => !requested.has(path))).toEqual([])
  })

  test('/api/events', async () => {
    const { components } = await server.json<OpenApi>('/api/openapi.json')
    await using events = await openEvents(server)
    const names = { trend: 'Trend', snapshot: 'Snapshot' } as const
    for (const name of ['trend', 'snapshot'] as const) {
      const event = await events.next()
      expect(event?.event).toBe(name)
      const schema = { $ref: `#/components/schemas/${names[name]}` }
      expect(mismatches(JSON.parse(event?.data ?? ''), schema, components.schemas)).toEqual([])
    }
  })
})

describe('the API gives the same as the command line:', () => {
  const withoutTime = (documents: readonly object[]) =>
    documents.map((each) => ({
      ...each,
      duration_seconds: 0,
      waiting_seconds: 0,
      details: '',
      last_heartbeat: '',
    }))

  test('status', async () => {
    expect(withoutTime(await server.json('/api/status'))).toEqual(withoutTime(await pool.status()))
  })

  test('queue', async () => {
    const { stdout } = await pool.chg('queue', '--json')
    const [place] = await server.json<readonly { user: string; note: string }[]>('/api/queue')
    const [printed] = JSON.parse(stdout)
    expect(place).toMatchObject({ user: printed.user, gpus: 3, note: 'the big one', position: 1 })
  })

  test('report', async () => {
    const { stdout } = await pool.chg('report', '--days', '7', '--json')
    const { users, total } = await server.json<{ users: { user: string }[]; total: object }>(
      '/api/report?days=7',
    )
    const printed = JSON.parse(stdout)
    expect(users.map(({ user }) => user).sort()).toEqual(
      printed.users.map(({ user }: { user: string }) => user).sort(),
    )
    expect(total).toMatchObject({ run: printed.total.run, manual: printed.total.manual })
  })
})

describe('wrong requests are refused:', () => {
  for (const days of ['0', '91', '-1', '1.5', '1e1', 'seven', '', '٣', '0x10']) {
    test(`days=${days}`, async () => {
      const response = await server.get(`/api/report?days=${encodeURIComponent(days)}`)
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        error: { code: 'bad-request', message: expect.stringContaining('days') },
      })
    })
  }

  for (const query of [
    'from=2026-01-01',
    'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
    'from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z',
    'to=2026-99-99T99:99:99Z',
    'to=2026-02-30T00:00:00Z',
    'from=2026-01-01T00:00:00Z&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z',
    'to=1',
  ]) {
    test(`history ${query}`, async () => {
      const response = await server.get(`/api/history?${query}`)
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ error: { code: 'bad-request' } })
    })
  }

  test('an unknown address', async () => {
    const response = await server.get('/api/nothing')
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { code: 'not-found' } })
  })

  test('methods other than GET and HEAD', async () => {
    const response = await fetch(`${server.url}/api/status`, { method: 'POST', body: '{}' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
  })
})

test('a reservation and its release are sent as events', async () => {
  using own = await testPool(2)
  const web = await startWeb(own)
  await using events = await openEvents(web)
  const states = (wanted: string) => events.until(({ status }) => status[1]?.status === wanted)
  await states('AVAILABLE')
  await must(own, 'reserve', '--gpu-ids', '1', '--note', 'seen at once')
  expect((await states('IN_USE')).status[1]).toMatchObject({ note: 'seen at once', type: 'MANUAL' })
  await must(own, 'release')
  await states('AVAILABLE')
})

test('the history has ended and current reservations', async () => {
  const history = await until('the history has all three', async () => {
    const { records } = await server.json<{ records: { outcome?: string; type: string }[] }>('/api/history')
    return records.length >= 3 && records
  })
  expect(history.map(({ type, outcome }) => `${type} ${outcome}`).sort()).toEqual([
    'MANUAL released',
    'MANUAL undefined',
    'RUN undefined',
  ])
})
