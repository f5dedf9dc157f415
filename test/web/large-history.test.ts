import { afterAll, beforeAll, expect, test } from 'bun:test'
import { recordOf } from '../adapters/store/counting.ts'
import { writeHistory } from '../support/database.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { startWeb, type TestServer } from './web-server.ts'

const COUNT = 25_000
const HOUR = 3_600_000

interface History {
  readonly records: readonly { readonly reservation: string; readonly started_at: string }[]
  readonly left_out?: number
}

let pool: TestPool
let server: TestServer

beforeAll(async () => {
  pool = await testPool(2)
  const now = Date.now()
  writeHistory(
    pool,
    Array.from({ length: COUNT }, (_, at) => {
      const endedAt = now - at * 60_000
      return recordOf(`r${at}`, { startedAt: endedAt - HOUR, endedAt })
    }),
  )
  server = await startWeb(pool)
})
afterAll(() => pool?.[Symbol.dispose]())

const since = (ms: number) => new Date(Date.now() - ms).toISOString()

test('a large history is cut to its newest records, with the number of records left out', async () => {
  const { records, left_out } = await server.json<History>(`/api/history?from=${since(80 * 24 * HOUR)}`)
  expect(records).toHaveLength(20_000)
  expect(left_out).toBe(COUNT - 20_000)
  expect(new Set(records.map(({ reservation }) => reservation))).toEqual(
    new Set(Array.from({ length: 20_000 }, (_, at) => `r${at}`)),
  )
  expect(records.map(({ started_at }) => started_at)).toEqual(
    records.map(({ started_at }) => started_at).toSorted(),
  )
})

test('a short range is complete', async () => {
  const { records, left_out } = await server.json<History>(`/api/history?from=${since(HOUR)}&to=${since(0)}`)
  expect(left_out).toBeUndefined()
  expect(records.length).toBeGreaterThanOrEqual(60)
  expect(records.length).toBeLessThan(200)
})

test('GPU hours per day add up to those of the report', async () => {
  const { days } = await server.json<{ days: { gpu_hours: number }[] }>('/api/daily?days=90')
  const { total } = await server.json<{ total: { gpu_hours: number; run: number } }>('/api/report?days=90')
  const sum = days.reduce((hours, day) => hours + day.gpu_hours, 0)
  expect(sum).toBeCloseTo(total.gpu_hours, 0)
  expect(total.run).toBe(COUNT)
})

test('many concurrent requests are answered, or refused with Retry-After', async () => {
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, at) => server.get(`/api/daily?days=${at + 1}`)),
  )
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(8)
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([])
  for (const answer of answers.filter(({ status }) => status === 503)) {
    expect(answer.headers.get('retry-after')).toBe('5')
    expect(await answer.json()).toMatchObject({ error: { code: 'busy' } })
  }
})

test('if the pool is missing, the error is that of the command line', async () => {
  using own = await testPool(1)
  const web = await startWeb(own)
  await own.sh(`rm -r '${own.folder}/pool'`)
  const answer = await web.get('/api/report')
  expect(answer.status).toBe(503)
  expect(await answer.json()).toMatchObject({ error: { code: 'pool-not-initialized' } })
})
