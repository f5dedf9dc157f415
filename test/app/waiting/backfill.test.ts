import { describe, expect, test } from 'bun:test'
import { startForever } from '../../support/job.ts'
import { testPool } from '../../support/pool.ts'
import { kill } from '../../support/processes.ts'
import { hold, storedQueue, untilServed, wait, waitToRun } from '../../support/waiters.ts'

/** Two GPUs: GPU 0 is held for an hour, and one waiter needs both. */
async function poolWithGap() {
  const pool = await testPool(2)
  await hold(pool, '--gpu-ids', '0', '--duration', '1h')
  return { pool, first: await waitToRun(pool, '--gpus', '2') }
}

describe.concurrent('a later request starts first', () => {
  test('if it is certain to end before the first can start', async () => {
    const { pool, first } = await poolWithGap()
    using _ = pool
    expect((await pool.chg('run', '--timeout', '30m', '--', 'true')).status).toBe(0)
    expect((await pool.chg('run', '--timeout', '59m', '--grace', '2m', '--', 'true')).status).toBe(75)
    expect((await pool.chg('run', '--', 'true')).status).toBe(75)
    expect((await pool.chg('reserve', '--duration', '2h')).status).toBe(75)
    expect((await pool.chg('reserve', '--duration', '50m')).status).toBe(0)
    expect((await pool.chg('release')).stdout).toBe('Released 2 GPU(s): [0, 1]\n')
    expect(await untilServed(pool, first)).toEqual([0, 1])
  })

  test('and so does a second waiter with such a limit', async () => {
    const { pool } = await poolWithGap()
    using _ = pool
    const short = await startForever(pool, '--timeout', '20m')
    const second = await wait(pool, 'run', '--wait', '--timeout', '10m', '--', 'true')
    kill(short.pid, 'SIGKILL')
    expect(await second.ended()).toBe(0)
  })

  test('with `run --wait --timeout 2m`, also out of the queue, but not without a time limit', async () => {
    const { pool, first } = await poolWithGap()
    using _ = pool
    const inGap = ['run', '--wait', '--timeout', '2m', '--', 'true']
    expect((await pool.chg(...inGap)).status).toBe(0)
    const job = await startForever(pool, '--timeout', '20m')
    const endless = await wait(pool, 'run', '--wait', '--', 'true')
    const short = await wait(pool, ...inGap)
    kill(job.pid, 'SIGKILL')
    expect(await short.ended()).toBe(0)
    expect(storedQueue(pool).map(({ id }) => id)).toEqual([first.id, endless.id])
    const [, behind] = JSON.parse((await pool.chg('queue', '--json')).stdout)
    expect(behind).toMatchObject({ reason_code: 'behind', behind_position: 1 })
    expect((await pool.chg('run', '--wait', '1s', '--', 'true')).status).toBe(75)
    await pool.chg('release')
    expect(await untilServed(pool, first)).toEqual([0, 1])
    expect(endless.process.exitCode).toBeNull()
    kill(first.pid, 'SIGKILL')
    expect(await endless.ended()).toBe(0)
  })

  test('if no earlier request needs its GPUs', async () => {
    using pool = await testPool(3)
    await hold(pool, '--gpu-ids', '0')
    const first = await waitToRun(pool, '--gpu-ids', '0')
    expect((await pool.chg('run', '--gpu-ids', '1', '--', 'true')).status).toBe(0)
    expect((await pool.chg('run', '--gpus', '2', '--', 'printenv', 'CUDA_VISIBLE_DEVICES')).stdout).toBe(
      '1,2\n',
    )
    expect((await pool.chg('run', '--gpu-ids', '0,1', '--', 'true')).status).toBe(75)
    expect((await pool.chg('run', '--gpus', '3', '--', 'true')).status).toBe(75)
    await pool.chg('release')
    expect(await untilServed(pool, first)).toEqual([0])
  })
})

describe.concurrent('a later request waits', () => {
  test('even if it is short, while the start of the first is unknown', async () => {
    using pool = await testPool(2)
    const job = await startForever(pool)
    const first = await waitToRun(pool, '--gpus', '2')
    expect((await pool.chg('run', '--timeout', '1s', '--grace', '1s', '--', 'true')).status).toBe(75)
    expect((await pool.chg('reserve', '--duration', '1s')).status).toBe(75)
    kill(job.pid, 'SIGKILL')
    expect(await untilServed(pool, first)).toEqual([0, 1])
  })

  test('if it would delay the second in the queue, though not the first', async () => {
    using pool = await testPool(3)
    await hold(pool, '--gpu-ids', '0', '--duration', '1h')
    const job = await startForever(pool, '--gpu-ids', '1')
    await waitToRun(pool, '--gpu-ids', '0')
    await waitToRun(pool, '--gpu-ids', '1,2')
    expect((await pool.chg('run', '--timeout', '1m', '--', 'true')).status).toBe(75)
    kill(job.pid, 'SIGKILL')
  })
})
