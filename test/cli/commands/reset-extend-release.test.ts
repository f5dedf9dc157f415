import { describe, expect, test } from 'bun:test'
import type { StatusDocument } from '../../../src/views/schemas/status.ts'
import { storedHistory, storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { child, startForever } from '../../support/job.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { hasEnded, kill } from '../../support/processes.ts'
import { openShell } from '../../support/terminal.ts'
import { until } from '../../support/until.ts'
import { hold, storedQueue, untilServed, wait, waitToRun } from '../../support/waiters.ts'

const reset = (pool: TestPool, gpus: number) =>
  pool.chg('admin', '--gpus', String(gpus), '--force', '--provider', 'fake')

const statusOf = async (pool: TestPool, gpu: number): Promise<StatusDocument | undefined> =>
  (await pool.status())[gpu]

describe.concurrent('admin --force', () => {
  test('with the same size keeps the queue and its order', async () => {
    using pool = await testPool(1)
    await hold(pool)
    const waiters = []
    for (let nth = 0; nth < 8; nth++) waiters.push(await wait(pool, 'run', '--wait', '--', 'true'))
    expect((await reset(pool, 1)).stdout).toBe('Reinitialized 1 GPUs (IDs 0 to 0)\n')
    for (const waiter of waiters) expect(await waiter.ended()).toBe(0)
    await until('the ends are recorded', () => storedHistory(pool).length === 9)
    const served = storedHistory(pool).filter(({ kind }) => kind === 'run')
    expect(served.map(({ reservation }) => reservation)).toEqual(waiters.map(({ id }) => id))
  })

  test('with fewer GPUs refuses impossible requests; the others keep their order', async () => {
    using pool = await testPool(4)
    await hold(pool, '--gpus', '4')
    const impossible = [
      await waitToRun(pool, '--gpus', '3', '--json'),
      await waitToRun(pool, '--gpu-ids', '1,3', '--json'),
      await wait(pool, 'reserve', '--wait', '--gpus', '4', '--json'),
    ]
    const possible = [
      await waitToRun(pool, '--gpus', '2'),
      await waitToRun(pool, '--gpu-ids', '1'),
      await waitToRun(pool),
    ]
    await reset(pool, 2)
    for (const waiter of impossible) {
      const status = await waiter.ended()
      expect(failureOf({ status, stdout: '', stderr: waiter.stderr() })).toMatchObject({
        ...{ code: 'impossible-request', status: 2 },
        reason: { code: 'impossible', gpus: 2 },
      })
    }
    const [first, second, third] = possible
    if (first === undefined || second === undefined || third === undefined) throw new Error('three wait')
    expect(await untilServed(pool, first)).toEqual([0, 1])
    expect(storedQueue(pool).map(({ id }) => id)).toEqual([second.id, third.id])
    kill(first.pid, 'SIGTERM')
    expect(await untilServed(pool, second)).toEqual([1])
    expect(await untilServed(pool, third)).toEqual([0])
  })

  test('with more GPUs grants the new ones to the queue', async () => {
    using pool = await testPool(1)
    const job = await startForever(pool)
    const waiter = await waitToRun(pool)
    await reset(pool, 2)
    await untilServed(pool, waiter)
    expect(hasEnded(job.pid)).toBe(false)
  })
})

describe.concurrent('extend', () => {
  test('extends all or some of the account’s reservations', async () => {
    using pool = await testPool(3)
    await hold(pool, '--gpu-ids', '0', '--duration', '1h')
    await hold(pool, '--gpu-ids', '1,2', '--duration', '1h')
    const left = async (gpu: number) => {
      const expiry = Date.parse((await statusOf(pool, gpu))?.expiry_time ?? '')
      return Math.round((expiry - Date.now()) / 3_600_000)
    }
    expect((await pool.chg('extend', '1h')).status).toBe(0)
    expect([await left(0), await left(1), await left(2)]).toEqual([2, 2, 2])
    const { stdout } = await pool.chg('extend', '--gpu-ids', '2', '3h')
    expect(stdout).toMatch(/^Extended 2 GPU\(s\): \[1, 2\], expires in 4h 59m \d+s\n$/)
    expect([await left(0), await left(1), await left(2)]).toEqual([2, 5, 5])
    // Options may also follow the operand.
    const { stdout: json } = await pool.chg('extend', '1h', '-G', '0', '--json')
    expect(JSON.parse(json)).toMatchObject([{ gpus: [0], expiry_time: expect.any(String) }])
  })

  test('is refused only if a waiter would wait longer', async () => {
    using pool = await testPool(2)
    await hold(pool, '--gpu-ids', '0', '--duration', '1h')
    await hold(pool, '--gpu-ids', '1', '--duration', '2h')
    const any = await waitToRun(pool)
    expect((await pool.chg('extend', '--gpu-ids', '1', '8h')).status).toBe(0)
    const refused = await pool.chg('extend', '--gpu-ids', '0', '1m', '--json')
    expect(failureOf(refused)).toMatchObject({
      ...{ code: 'not-enough-gpus', status: 75 },
      reason: { code: 'promised' },
    })
    expect((await pool.chg('extend', '1m')).status).toBe(75)
    kill(any.pid, 'SIGKILL')
    await any.process.exited
    const exact = await waitToRun(pool, '--gpu-ids', '1')
    expect((await pool.chg('extend', '--gpu-ids', '0', '1m')).status).toBe(0)
    expect((await pool.chg('extend', '--gpu-ids', '1', '1m')).status).toBe(75)
    kill(exact.pid, 'SIGKILL')
  })

  test.each([
    [['1h'], { code: 'failure', status: 1, reason: { code: 'nothing-to-extend' } }],
    [
      ['--gpu-ids', '1', '1h'],
      { code: 'failure', status: 1, reason: { code: 'nothing-to-extend', gpu_ids: [1] } },
    ],
    [
      ['--gpu-ids', '7', '1h'],
      { code: 'impossible-request', status: 2, reason: { code: 'impossible', gpu_ids: [7], gpus: 2 } },
    ],
    [[], { code: 'usage', status: 2, message: expect.stringContaining('DURATION') }],
    [['soon'], { code: 'usage', status: 2, message: expect.stringContaining("'soon'") }],
    [['1h', '2h'], { code: 'usage', status: 2, message: expect.stringContaining("'2h'") }],
  ])('extend %j is refused', async (typed, error) => {
    using pool = await testPool(2)
    const job = await startForever(pool)
    expect(failureOf(await pool.chg('extend', ...typed, '--json'))).toMatchObject(error)
    kill(job.pid, 'SIGKILL')
  })
})

describe.concurrent('release --gpu-ids', () => {
  test('of a run: the terminal gets a message, and the command continues without a reservation', async () => {
    using pool = await testPool(2)
    using terminal = openShell(pool)
    terminal.type(`"$CHG" run --gpus 2 -- ${child('forever')}\n`)
    await terminal.see('ready')
    const [run] = storedPool(pool).reservations
    const pid = run?.term.kind === 'run' ? run.term.process.pid : 0
    expect((await pool.chg('release', '--gpu-ids', '1')).stdout).toBe('Released 1 GPU(s): [1]\n')
    await terminal.see('canhazgpu: the reservation of GPU 1 ')
    expect((await pool.status()).map(({ status }) => status)).toEqual(['IN_USE', 'AVAILABLE'])
    expect((await pool.chg('release', '--gpu-ids', '0-1', '--json')).stdout).toMatch(
      /"released": \[\s+0\s+\]/,
    )
    await terminal.see('canhazgpu: the reservation of GPU 0 ')
    expect(hasEnded(pid)).toBe(false)
    expect((await pool.chg('reserve', '--gpus', '2')).status).toBe(0)
    expect(storedHistory(pool).map(({ gpu, outcome }) => [gpu, outcome])).toEqual([
      [0, 'released'],
      [1, 'released'],
    ])
  })

  test('of a part of a manual reservation keeps the rest', async () => {
    using pool = await testPool(4)
    await hold(pool, '--gpus', '4')
    expect((await pool.chg('release', '-G', '0,2')).stdout).toBe('Released 2 GPU(s): [0, 2]\n')
    expect((await pool.status()).map(({ status }) => status)).toEqual([
      'AVAILABLE',
      'IN_USE',
      'AVAILABLE',
      'IN_USE',
    ])
    const nothing = await pool.chg('release', '-G', '0', '--json')
    expect(JSON.parse(nothing.stdout)).toEqual({ released: [], not_released: [0] })
    expect(await pool.chg('release', '-G', '0,1')).toEqual({
      status: 0,
      stdout: 'Released 1 GPU(s): [1]\n',
      stderr: expect.stringMatching(/^GPU 0 [^\n]+\n$/),
    })
    const again = await pool.chg('release', '-G', '0-1,3', '--json')
    expect(JSON.parse(again.stdout)).toEqual({ released: [3], not_released: [0, 1] })
    await hold(pool, '--gpu-ids', '1,3')
    expect((await pool.chg('release', '-G', '4')).status).toBe(2)
    expect((await pool.chg('release')).stdout).toBe('Released 2 GPU(s): [1, 3]\n')
    expect(storedHistory(pool)).toHaveLength(6)
  })
})
