import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { hostname } from 'node:os'
import { until } from '../support/until.ts'
import { type BusyPool, busyPool } from './busy-pool.ts'
import { startWeb, type TestServer } from './web-server.ts'

let pool: BusyPool
let server: TestServer

beforeAll(async () => {
  pool = await busyPool()
  server = await startWeb(pool)
})
afterAll(() => pool?.[Symbol.dispose]())

const metrics = () => server.metrics()

test('every sample has the label of the host', async () => {
  const text = await (await server.get('/metrics')).text()
  const samples = text.split('\n').filter((line) => /^\w/.test(line))
  expect(samples.length).toBeGreaterThan(10)
  expect(samples.filter((line) => !line.includes(`host="${hostname()}"`))).toEqual([])
})

test('the metrics match the status', async () => {
  const text = await metrics()
  const value = (name: string) => {
    const line = text.split('\n').find((each) => each.startsWith(`canhazgpu_${name} `))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
  const states = ['in_use', 'in_use', 'unreserved', 'error', 'available']
  for (const [gpu, state] of states.entries())
    expect(value(`gpu_state{gpu="${gpu}",state="${state}"}`)).toBe(1)
  expect(value('gpu_state{gpu="0",state="available"}')).toBe(0)
  expect(value('gpu_drained{gpu="0"}')).toBe(0)
  expect(value('gpu_utilization_ratio{gpu="0"}')).toBe(0.97)
  expect(value('gpu_memory_used_bytes{gpu="0"}')).toBe(70_000 * 2 ** 20)
  expect(value('gpu_memory_total_bytes{gpu="0"}')).toBe(81_559 * 2 ** 20)
  expect(value('gpu_temperature_celsius{gpu="0"}')).toBe(71)
  expect(value('gpu_power_watts{gpu="0"}')).toBe(640.5)
  expect(value('gpu_memory_used_bytes{gpu="3"}')).toBeUndefined()
  expect(text).toMatch(/^canhazgpu_gpu_holder\{gpu="1",user="bob",account="[^"]+",type="manual"\} 1$/m)
  expect(value('gpu_other_user{gpu="0",user="alice"}')).toBe(1)
  expect(value('user_gpus{user="bob"}')).toBe(1)
  expect(value('user_held_seconds{user="bob"}')).toBeGreaterThanOrEqual(0)
  expect(value('queue_length')).toBe(1)
  expect(value('driver_stale')).toBe(0)
})

describe('the metrics follow the rules of promtool:', () => {
  test('every metric has one help text and one type', async () => {
    const text = await metrics()
    const names = [...text.matchAll(/^# TYPE (\S+) (?:gauge|histogram|counter)$/gm)].map(
      ([, name]) => name ?? '',
    )
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) {
      expect(name).toMatch(/^canhazgpu_[a-z_]+$/)
      expect(name).not.toMatch(/_total$|_count$|_(milliseconds|percent|megabytes|mb|minutes)$/)
      expect(text).toMatch(new RegExp(`^# HELP ${name} \\S.*\\S$`, 'm'))
    }
    for (const [, sample] of text.matchAll(/^(canhazgpu_\w+)/gm)) {
      expect(names).toContain(sample?.replace(/_(bucket|sum|count)$/, '') ?? '')
    }
  })

  // This check is optional: the test above checks the same rules.
  const promtool = Bun.which('promtool')
  if (promtool !== null) {
    test('promtool accepts the metrics', async () => {
      const check = Bun.spawn([promtool, 'check', 'metrics'], {
        stdin: new Blob([await metrics()]),
        stderr: 'pipe',
      })
      const output = await new Response(check.stderr).text()
      expect({ output, status: await check.exited }).toEqual({ output: '', status: 0 })
    })
  }
})

test('a request that leaves the queue is counted with its waiting time', async () => {
  const waits = async () => Number(/^canhazgpu_queue_wait_seconds_count (\d+)$/m.exec(await metrics())?.[1])
  expect(await waits()).toBe(0)
  const { stdout } = await pool.chg('queue', '--json')
  expect(JSON.parse(stdout)).toHaveLength(1)
  pool.waiter.kill()
  await until('the request has left the queue', async () => (await waits()) === 1)
})
