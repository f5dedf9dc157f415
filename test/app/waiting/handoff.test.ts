import { describe, expect, test } from 'bun:test'
import { storedHistory, storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { startForever } from '../../support/job.ts'
import { needing } from '../../support/needs.ts'
import { testPool } from '../../support/pool.ts'
import { isWatching, kill, supervisorsOf } from '../../support/processes.ts'
import { until } from '../../support/until.ts'
import { hold, storedQueue, untilProgress, untilServed, wait, waitToRun } from '../../support/waiters.ts'

const SQUATTER = {
  processes: [{ pid: 2 ** 22 + 1, user: 'bob', uid: 4242, name: 'python3', memory_mb: 9000 }],
}

describe.concurrent('a waiter starts', () => {
  test('when a command ends', async () => {
    using pool = await testPool(1)
    const job = await startForever(pool)
    const waiter = await waitToRun(pool)
    kill(job.pid, 'SIGTERM')
    expect(await untilServed(pool, waiter)).toEqual([0])
  })

  needing('embedded pool').test('when a command and its supervisor are killed', async () => {
    using pool = await testPool(1)
    const job = await startForever(pool)
    const waiter = await waitToRun(pool)
    kill(await until('the supervisor watches', () => supervisorsOf(pool).find(isWatching) ?? null), 'SIGKILL')
    kill(job.pid, 'SIGKILL')
    expect(await untilServed(pool, waiter)).toEqual([0])
  })

  test('when a reservation is released, whole or in part', async () => {
    using pool = await testPool(3)
    await hold(pool, '--gpus', '3')
    const first = await waitToRun(pool)
    const second = await waitToRun(pool, '--gpus', '2')
    expect((await pool.chg('release', '--gpu-ids', '1')).stdout).toBe('Released 1 GPU(s): [1]\n')
    expect(await untilServed(pool, first)).toEqual([1])
    await pool.chg('release')
    expect(await untilServed(pool, second)).toEqual([0, 2])
  })

  test('when a reservation expires', async () => {
    using pool = await testPool(1)
    await hold(pool, '--duration', '2s')
    const waiter = await waitToRun(pool)
    expect(await untilServed(pool, waiter)).toEqual([0])
    expect(storedHistory(pool)).toMatchObject([{ outcome: 'expired' }])
  })

  test('when the waiter ahead does not need all free GPUs', async () => {
    using pool = await testPool(3)
    await hold(pool, '--gpus', '3')
    const waiters = [await waitToRun(pool), await waitToRun(pool), await waitToRun(pool)] as const
    await pool.chg('release')
    const gpus = await Promise.all(waiters.map((waiter) => untilServed(pool, waiter)))
    expect(gpus.flat().sort()).toEqual([0, 1, 2])
  })

  test('when the unreserved use of a GPU ends', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 0: SQUATTER, 1: SQUATTER } })
    const both = await waitToRun(pool, '--json', '--gpus', '2')
    const used = (gpu_id: number) => ({ gpu_id, status: 'UNRESERVED', unreserved_users: ['bob'] })
    await untilProgress(both, { free: 0, unavailable_gpus: [used(0), used(1)] })
    pool.setFakeDriver({ gpus: { 0: SQUATTER } })
    await untilProgress(both, { free: 1, unavailable_gpus: [used(0)] })
    expect(storedPool(pool).reservations).toEqual([])
    pool.setFakeDriver({})
    expect(await untilServed(pool, both)).toEqual([0, 1])
  })

  test('when a faulty GPU works again', async () => {
    using pool = await testPool(1)
    pool.setFakeDriver({ gpus: { 0: { fault: 'GPU is lost' } } })
    const waiter = await waitToRun(pool)
    pool.setFakeDriver({})
    expect(await untilServed(pool, waiter)).toEqual([0])
  })

  test('when the driver works again; until then each waiter keeps its place', async () => {
    using pool = await testPool(1)
    pool.env.CANHAZGPU_PROBE_TIMEOUT = '1s'
    pool.setFakeDriver({})
    await hold(pool)
    const waiters = [await waitToRun(pool, '--json'), await waitToRun(pool)] as const
    pool.setFakeDriver({ hang: true })
    await pool.chg('release')
    await untilProgress(waiters[0], { trouble_code: 'driver-unresponsive' })
    pool.setFakeDriver({ fail: 'driver/library version mismatch' })
    const { trouble } = await untilProgress(waiters[0], { trouble_code: 'driver-failed' })
    expect(trouble).toContain('version mismatch')
    expect(storedQueue(pool).map(({ id }) => id)).toEqual(waiters.map(({ id }) => id))
    pool.setFakeDriver({})
    await untilServed(pool, waiters[0])
    kill(waiters[0].pid, 'SIGTERM')
    await untilServed(pool, waiters[1])
  })

  test('only if its first probe succeeds; otherwise the command fails', async () => {
    using pool = await testPool(1)
    pool.setFakeDriver({ fail: 'driver/library version mismatch' })
    const run = await pool.chg('run', '--wait', '--json', '--', 'true')
    expect(failureOf(run)).toMatchObject({ status: 125, code: 'driver-failed' })
    const reserve = await pool.chg('reserve', '--wait', '--json')
    expect(failureOf(reserve)).toMatchObject({ status: 1, code: 'driver-failed' })
    expect(storedQueue(pool)).toEqual([])
  })

  test('and only then its time limit begins', async () => {
    using pool = await testPool(1)
    await hold(pool, '--duration', '3s')
    const waiter = await wait(
      pool,
      'run',
      '--wait',
      '--timeout',
      '2s',
      '--',
      'sh',
      '-c',
      'echo begun > begun; sleep 60',
    )
    expect(await waiter.ended()).toBe(130)
    expect(await Bun.file(`${pool.folder}/begun`).exists()).toBe(true)
    await until('the end is written', () => storedHistory(pool).length === 2)
    const [, run] = storedHistory(pool)
    expect(run).toMatchObject({ kind: 'run', outcome: 'timed-out' })
    expect((run?.ended_at ?? 0) - (run?.started_at ?? 0)).toBeGreaterThanOrEqual(2_000)
  })
})
