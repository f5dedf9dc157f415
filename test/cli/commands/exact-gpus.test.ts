import { describe, expect, test } from 'bun:test'
import { unitsOf } from '../../../src/domain/pool/units.ts'
import { storedPool } from '../../support/database.ts'
import { testPool } from '../../support/pool.ts'
import { until } from '../../support/until.ts'
import { hold, storedQueue, untilServed, waitToRun } from '../../support/waiters.ts'

const devices = ['--', 'printenv', 'CUDA_VISIBLE_DEVICES']

test.concurrent.each([
  [['--gpu-ids', '1,3'], '1,3'],
  [['-G', '3,1'], '1,3'],
  [['-G', '1-3'], '1,2,3'],
  [['-G', '0-1,3'], '0,1,3'],
  [['-G', '2', '--gpus', '1'], '2'],
  [['-g', '2', '-G', '0,3'], '0,3'],
  [['--gpu-ids=0-3'], '0,1,2,3'],
  [['-G', ' 1, 3 '], '1,3'],
])('run %j gets exactly these GPUs', async (options, gpus) => {
  using pool = await testPool(4)
  expect((await pool.chg('run', ...options, ...devices)).stdout).toBe(`${gpus}\n`)
  expect((await pool.chg('reserve', ...options, '--short')).stdout).toBe(`${gpus}\n`)
  expect(storedPool(pool).reservations.map(unitsOf)).toEqual([gpus.split(',')])
})

test.concurrent.each([
  ['4', 'No such GPU: 4: this pool has 4 GPUs (IDs 0 to 3)'],
  ['2-5', 'No such GPU: 4, 5'],
  ['1,1', 'GPU 1 is named twice'],
  ['0-2,1', 'GPU 1 is named twice'],
  ['3-1', 'the range 3-1 runs backwards'],
  ['', 'expected numbers and ranges'],
  ['1,', 'expected numbers and ranges'],
  ['1;2', 'expected numbers and ranges'],
  ['-1', 'argument missing'],
  ['one', 'expected numbers and ranges'],
  ['0-99999', 'expected numbers and ranges'],
])('--gpu-ids %j is wrong usage, with and without --wait', async (ids, expected) => {
  using pool = await testPool(4)
  const option = `--gpu-ids=${ids}`
  for (const command of [
    ['run', option, '--', 'true'],
    ['run', '--wait', option, '--', 'true'],
    ['reserve', option],
    ['reserve', '--wait', option],
  ]) {
    const refused = await pool.chg(...command)
    expect(refused.status).toBe(2)
    if (ids !== '-1') expect(refused.stderr).toContain(expected)
    expect(refused.stdout).toBe('')
  }
  expect(storedQueue(pool)).toEqual([])
})

describe.concurrent('exact GPUs', () => {
  test('a different number in --gpus is wrong usage', async () => {
    using pool = await testPool(4)
    const refused = await pool.chg('run', '--gpus', '3', '--gpu-ids', '0,1', '--', 'true')
    expect(refused).toMatchObject({
      status: 2,
      stderr: 'Error: --gpus 3 and --gpu-ids 0,1 disagree: 2 ids are named - leave out --gpus\n',
    })
  })

  test('more GPUs than the pool has are refused, even with --wait', async () => {
    using pool = await testPool(4)
    const refused = await pool.chg('run', '--wait', '--gpus', '5', '--', 'true')
    expect(refused.status).toBe(2)
    expect(refused.stderr).toStartWith('Error: Cannot reserve 5 GPUs: this pool has 4 GPUs (IDs 0 to 3)')
  })

  test('a refusal names those that are reserved', async () => {
    using pool = await testPool(4)
    await hold(pool, '--gpu-ids', '1,2')
    const refused = await pool.chg('reserve', '--gpu-ids', '0-2')
    expect(refused.status).toBe(75)
    expect(refused.stderr).toMatch(
      /^Error: GPUs 1, 2 are not available - you hold 1-2 for another \d+h \d+m \d+s; wait in the queue with --wait\n$/,
    )
    expect((await pool.chg('reserve', '--gpu-ids', '0,3')).status).toBe(0)
  })

  test('used GPUs are not granted', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 1: { memory_used_mb: 9000 } } })
    expect((await pool.chg('reserve', '--gpu-ids', '1')).stderr).toStartWith(
      "Error: GPU 1 is not available (1 GPUs in use without reservation - run 'canhazgpu status' for details)",
    )
  })

  test('a waiter gets them while other GPUs are reserved and released', async () => {
    using pool = await testPool(2)
    await hold(pool, '--gpu-ids', '1')
    const waiter = await waitToRun(pool, '--gpu-ids', '1')
    await until('the message is printed', () =>
      /^\S+ \S+ Waiting for GPU 1: position 1 of 1, 1 free/.test(waiter.stderr()),
    )
    await hold(pool, '--gpu-ids', '0')
    await pool.chg('release', '--gpu-ids', '0')
    await pool.chg('release', '--gpu-ids', '1')
    expect(await untilServed(pool, waiter)).toEqual([1])
  })
})
