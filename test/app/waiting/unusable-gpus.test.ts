import { describe, expect, test } from 'bun:test'
import type { QueueDocument } from '../../../src/views/schemas/queue.ts'
import { startForever } from '../../support/job.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { kill } from '../../support/processes.ts'
import { until } from '../../support/until.ts'
import { hold, storedQueue, untilServed, type Waiter, waitToRun } from '../../support/waiters.ts'

const LOST = { fault: 'GPU is lost' }
const BOBS = { processes: [{ pid: 2 ** 22 + 1, user: 'bob', uid: 4242, name: 'python3', memory_mb: 9000 }] }

/** Without its time. */
const lastLine = (waiter: Waiter): string =>
  (waiter.stderr().trim().split('\n').at(-1) ?? '').replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /, '')
const says = (waiter: Waiter, line: string) =>
  until(`it prints '${line}', not '${lastLine(waiter)}'`, () => lastLine(waiter) === line)

/** The rows of `queue`, and its JSON. */
async function queueOf(pool: TestPool) {
  const { stdout, stderr, status } = await pool.chg('queue')
  const places: QueueDocument[] = JSON.parse((await pool.chg('queue', '--json')).stdout)
  return { rows: stdout.split('\n').slice(1), stderr, status, places }
}

describe.concurrent('a waiter for GPUs that cannot be used gets the reason', () => {
  test('all of them are faulty: no start time, for the first and for the waiters behind', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 0: LOST, 1: LOST } })
    const first = await waitToRun(pool)
    await says(
      first,
      'Waiting for 1 GPU: position 1 of 1, 0 free, 2 with errors, earliest unknown (GPU 0 has an error: GPU is lost)',
    )
    const second = await waitToRun(pool, '--gpus', '2')
    await says(
      second,
      'Waiting for 2 GPUs: position 2 of 2, 0 free, 2 with errors, earliest unknown (GPU 1 has an error: GPU is lost)',
    )
    expect(second.stderr()).not.toContain('2 free')
    const { rows, stderr, places } = await queueOf(pool)
    expect(stderr).toBe('')
    expect(rows[0]).toMatch(/ 0 free, 2 with errors +earliest unknown \(GPU 0 has an error: GPU is lost\)/)
    for (const place of places) {
      expect(place).toMatchObject({
        reason: '0 free, 2 with errors',
        reason_code: 'short',
        free: 0,
        unavailable_gpus: [0, 1].map((gpu_id) => ({ gpu_id, status: 'ERROR', error: 'GPU is lost' })),
      })
      expect(place).not.toHaveProperty('earliest_start')
    }
  })

  test('one is used without a reservation: the user, and the change when the user leaves', async () => {
    using pool = await testPool(4)
    pool.setFakeDriver({ gpus: { 3: BOBS } })
    const waiter = await waitToRun(pool, '--gpu-ids', '3')
    await says(
      waiter,
      'Waiting for GPU 3: position 1 of 1, 3 free, 1 in use without reservation, earliest unknown (GPU 3 used without reservation by bob)',
    )
    const { rows, places } = await queueOf(pool)
    expect(rows[0]).toMatch(/ 0 free, 1 in use without reservation +.*GPU 3 used without reservation by bob/)
    expect(places[0]).toMatchObject({
      free: 0,
      unavailable_gpus: [{ gpu_id: 3, status: 'UNRESERVED', unreserved_users: ['bob'] }],
    })
    pool.setFakeDriver({ gpus: { 3: LOST } })
    await until('it prints the fault', () => lastLine(waiter).includes('GPU 3 has an error: GPU is lost'))
  })

  test('the driver does not report one', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 1: { missing: true } } })
    const waiter = await waitToRun(pool, '--gpus', '2')
    await until('it prints the news', () =>
      /1 free, 1 with errors, earliest unknown \(GPU 1 has an error: the driver does not show this GPU/.test(
        lastLine(waiter),
      ),
    )
  })

  test('also if the reservations alone block it', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 1: LOST } })
    await startForever(pool, '--gpu-ids', '0')
    const waiter = await waitToRun(pool, '--gpus', '2')
    await says(
      waiter,
      'Waiting for 2 GPUs: position 1 of 1, 0 free, 1 with errors, earliest unknown (GPU 1 has an error: GPU is lost)',
    )
    expect(waiter.stderr()).not.toContain(' 1 free')
  })

  test('a fault of a reserved GPU: the end of the reservation is no start', async () => {
    using pool = await testPool(1)
    pool.setFakeDriver({})
    await hold(pool, '--duration', '1h')
    pool.setFakeDriver({ gpus: { 0: LOST } })
    await waitToRun(pool)
    const { rows, places } = await queueOf(pool)
    expect(rows[0]).toMatch(/ 0 free, 1 with errors +earliest unknown \(GPU 0 has an error: GPU is lost\)/)
    expect(places[0]).not.toHaveProperty('earliest_start')
  })

  test('the driver does not answer: no GPU without a reading counts as free', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 0: LOST, 1: LOST } })
    await waitToRun(pool)
    pool.setFakeDriver({ fail: 'driver/library version mismatch' })
    const { rows, stderr, status, places } = await queueOf(pool)
    expect(status).toBe(0)
    expect(stderr).toContain('GPUs not checked: ')
    expect(stderr).toContain('driver/library version mismatch')
    expect(rows[0]).toMatch(/ 0 free, 2 not checked +earliest unknown \(GPU 0 not checked\)/)
    expect(places[0]).toMatchObject({
      free: 0,
      unavailable_gpus: [
        { gpu_id: 0, status: 'UNCHECKED' },
        { gpu_id: 1, status: 'UNCHECKED' },
      ],
      driver_trouble: expect.stringContaining('driver/library version mismatch'),
    })
  })

  for (const [name, trouble] of [
    ['a fault', LOST],
    ['a user without a reservation', BOBS],
    ['a card that is gone', { missing: true }],
  ] as const) {
    test(`${name} keeps one request from starting: until that changes it delays no other`, async () => {
      using pool = await testPool(3)
      pool.setFakeDriver({ gpus: { 2: trouble } })
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

  test('in JSON while it waits', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 0: BOBS, 1: LOST } })
    const waiter = await waitToRun(pool, '--json')
    await until('it prints the news', () => waiter.stderr().includes('unavailable_gpus'))
    expect(JSON.parse(lastLine(waiter))).toEqual({
      waiting: {
        position: 1,
        length: 1,
        free: 0,
        unavailable_gpus: [
          { gpu_id: 0, status: 'UNRESERVED', unreserved_users: ['bob'] },
          { gpu_id: 1, status: 'ERROR', error: 'GPU is lost', reason: { code: 'reported' } },
        ],
      },
    })
  })
})
