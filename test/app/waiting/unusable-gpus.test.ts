import { describe, expect, test } from 'bun:test'
import type { QueueDocument, UnavailableGpuDocument } from '../../../src/views/schemas/queue.ts'
import { startForever } from '../../support/job.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { kill } from '../../support/processes.ts'
import {
  hold,
  progressOf,
  storedQueue,
  untilProgress,
  untilServed,
  waitToRun,
} from '../../support/waiters.ts'

const LOST = { fault: 'GPU is lost' }
const BOBS = { processes: [{ pid: 2 ** 22 + 1, user: 'bob', uid: 4242, name: 'python3', memory_mb: 9000 }] }

const lost = (gpu_id: number): UnavailableGpuDocument => ({
  gpu_id,
  status: 'ERROR',
  error: 'GPU is lost',
  reason: { code: 'reported' },
})

/** The rows of `queue`, and its JSON. */
async function queueOf(pool: TestPool) {
  const { stdout } = await pool.chg('queue')
  const { status, stdout: json } = await pool.chg('queue', '--json')
  const places: QueueDocument[] = JSON.parse(json)
  return { rows: stdout.split('\n').slice(1), status, places }
}

describe.concurrent('a waiter for GPUs that cannot be used gets the reason', () => {
  test('all of them are faulty: no start time, for the first and for the waiters behind', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 0: LOST, 1: LOST } })
    const first = await waitToRun(pool, '--json')
    const unavailable = { free: 0, unavailable_gpus: [lost(0), lost(1)] }
    const progress = await untilProgress(first, { position: 1, length: 1, ...unavailable })
    expect(progress).not.toHaveProperty('earliest_start')
    const second = await waitToRun(pool, '--json', '--gpus', '2')
    expect(await untilProgress(second, { position: 2, length: 2, ...unavailable })).not.toHaveProperty(
      'earliest_start',
    )
    expect(progressOf(second).map(({ free }) => free)).not.toContain(2)
    const { rows, places } = await queueOf(pool)
    // The forecast of each names the fault that it waits for.
    expect(rows[0]).toMatch(/\bGPU 0\b.*GPU is lost/)
    expect(rows[1]).toMatch(/\bGPU 1\b.*GPU is lost/)
    for (const place of places) {
      expect(place).toMatchObject({ reason_code: 'short', ...unavailable })
      expect(place).not.toHaveProperty('earliest_start')
    }
  })

  test('one is used without a reservation: the user, and the change when the use ends', async () => {
    using pool = await testPool(4)
    pool.setFakeDriver({ gpus: { 3: BOBS } })
    const waiter = await waitToRun(pool, '--json', '--gpu-ids', '3')
    const used = { gpu_id: 3, status: 'UNRESERVED', unreserved_users: ['bob'] }
    await untilProgress(waiter, { position: 1, length: 1, free: 3, unavailable_gpus: [used] })
    const { rows, places } = await queueOf(pool)
    expect(rows[0]).toMatch(/\bGPU 3\b.*bob/)
    expect(places[0]).toMatchObject({ free: 0, unavailable_gpus: [used] })
    pool.setFakeDriver({ gpus: { 3: LOST } })
    await untilProgress(waiter, { unavailable_gpus: [lost(3)] })
  })

  test('the driver does not report one', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 1: { missing: true } } })
    const waiter = await waitToRun(pool, '--json', '--gpus', '2')
    const missing = { gpu_id: 1, status: 'ERROR', reason: { code: 'missing' } }
    await untilProgress(waiter, { free: 1, unavailable_gpus: [missing] })
  })

  test('also if the reservations alone block it', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 1: LOST } })
    await startForever(pool, '--gpu-ids', '0')
    const waiter = await waitToRun(pool, '--json', '--gpus', '2')
    const progress = await untilProgress(waiter, { position: 1, length: 1, unavailable_gpus: [lost(1)] })
    expect(progress).not.toHaveProperty('earliest_start')
    expect(new Set(progressOf(waiter).map(({ free }) => free))).toEqual(new Set([0]))
    expect((await queueOf(pool)).rows[0]).toMatch(/\bGPU 1\b.*GPU is lost/)
  })

  test('a fault of a reserved GPU: the end of the reservation is no start', async () => {
    using pool = await testPool(1)
    pool.setFakeDriver({})
    await hold(pool, '--duration', '1h')
    pool.setFakeDriver({ gpus: { 0: LOST } })
    await waitToRun(pool)
    const { rows, places } = await queueOf(pool)
    expect(rows[0]).toMatch(/\bGPU 0\b.*GPU is lost/)
    expect(places[0]).toMatchObject({ reason_code: 'short', free: 0, unavailable_gpus: [lost(0)] })
    expect(places[0]).not.toHaveProperty('earliest_start')
  })

  test('the driver fails: no GPU without a reading counts as free', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 0: LOST, 1: LOST } })
    await waitToRun(pool)
    pool.setFakeDriver({ fail: 'driver/library version mismatch' })
    const { rows, status, places } = await queueOf(pool)
    expect(status).toBe(0)
    expect((await pool.chg('queue')).stderr).toContain('driver/library version mismatch')
    expect(rows[0]).toMatch(/\bGPU 0\b/)
    expect(places[0]).toMatchObject({
      free: 0,
      unavailable_gpus: [
        { gpu_id: 0, status: 'UNCHECKED' },
        { gpu_id: 1, status: 'UNCHECKED' },
      ],
      driver_trouble: expect.stringContaining('driver/library version mismatch'),
      driver_trouble_code: 'driver-failed',
    })
  })

  for (const [name, state] of [
    ['a fault', LOST],
    ['use without a reservation', BOBS],
    ['a GPU that the driver does not report', { missing: true }],
  ] as const) {
    test(`${name} blocks one request, which then delays no other request`, async () => {
      using pool = await testPool(3)
      pool.setFakeDriver({ gpus: { 2: state } })
      const all = await waitToRun(pool, '--gpus', '3')
      const job = await startForever(pool, '--gpu-ids', '0')
      expect((await pool.chg('run', '--wait', '--', 'true')).status).toBe(0)
      expect(storedQueue(pool).map(({ id }) => id)).toEqual([all.id])

      pool.setFakeDriver({})
      expect((await pool.chg('run', '--', 'true')).status).toBe(75)
      kill(job.pid, 'SIGKILL')
      expect(await untilServed(pool, all)).toEqual([0, 1, 2])
    })
  }

  test('an ended reservation frees a GPU for the waiters behind such a request', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 1: LOST } })
    await hold(pool, '--gpu-ids', '0')
    await waitToRun(pool, '--gpus', '2')
    const second = await waitToRun(pool)
    await pool.chg('release')
    expect(await untilServed(pool, second)).toEqual([0])
  })

  test('as JSON, with nothing else', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 0: BOBS, 1: LOST } })
    const waiter = await waitToRun(pool, '--json')
    expect(await untilProgress(waiter, { length: 1 })).toEqual({
      position: 1,
      length: 1,
      free: 0,
      unavailable_gpus: [{ gpu_id: 0, status: 'UNRESERVED', unreserved_users: ['bob'] }, lost(1)],
    })
  })
})
