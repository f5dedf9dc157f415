import { describe, expect, test } from 'bun:test'
import { unitsOf } from '../../../src/domain/pool/units.ts'
import { storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
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
  ['4', { code: 'impossible-request', reason: { code: 'impossible', gpu_ids: [4], gpus: 4 } }],
  ['2-5', { code: 'impossible-request', reason: { code: 'impossible', gpu_ids: [4, 5], gpus: 4 } }],
  ['1,1', { code: 'usage', message: /'1,1'.*GPU 1 / }],
  ['0-2,1', { code: 'usage', message: /'0-2,1'.*GPU 1 / }],
  ['3-1', { code: 'usage', message: /'3-1'/ }],
  ['', { code: 'usage', message: /''/ }],
  ['1,', { code: 'usage', message: /'1,'/ }],
  ['1;2', { code: 'usage', message: /'1;2'/ }],
  ['-1', { code: 'usage', message: /'-1'/ }],
  ['one', { code: 'usage', message: /'one'/ }],
  ['0-99999', { code: 'usage', message: /'0-99999'/ }],
] as const)('--gpu-ids %j is wrong usage, with and without --wait', async (ids, expected) => {
  using pool = await testPool(4)
  const option = `--gpu-ids=${ids}`
  for (const command of [
    ['run', '--json', option, '--', 'true'],
    ['run', '--json', '--wait', option, '--', 'true'],
    ['reserve', '--json', option],
    ['reserve', '--json', '--wait', option],
  ]) {
    const refused = await pool.chg(...command)
    const { message, code, status, reason } = failureOf(refused)
    expect({ code, status }).toEqual({ code: expected.code, status: 2 })
    if ('reason' in expected) expect(reason as unknown).toEqual(expected.reason)
    else expect(message).toMatch(expected.message)
    expect(refused.stdout).toBe('')
  }
  expect(storedQueue(pool)).toEqual([])
})

describe.concurrent('exact GPUs', () => {
  test('a different number in --gpus is wrong usage', async () => {
    using pool = await testPool(4)
    const refused = await pool.chg('run', '--json', '--gpus', '3', '--gpu-ids', '0,1', '--', 'true')
    expect(failureOf(refused)).toMatchObject({
      ...{ code: 'usage', status: 2 },
      message: expect.stringMatching(/--gpus 3 .*--gpu-ids 0,1 /),
    })
  })

  test('more GPUs than the pool has are refused, even with --wait', async () => {
    using pool = await testPool(4)
    const refused = await pool.chg('run', '--json', '--wait', '--gpus', '5', '--', 'true')
    expect(failureOf(refused)).toMatchObject({
      ...{ code: 'impossible-request', status: 2 },
      reason: { code: 'impossible', requested: 5, gpus: 4 },
    })
  })

  test('a refusal has the requested GPUs that are reserved', async () => {
    using pool = await testPool(4)
    await hold(pool, '--gpu-ids', '1,2')
    const until = expect.stringMatching(/Z$/)
    expect(failureOf(await pool.chg('reserve', '--json', '--gpu-ids', '0-2'))).toMatchObject({
      ...{ code: 'not-enough-gpus', status: 75 },
      reason: {
        taken: [1, 2],
        busy: [
          { gpu_id: 1, until, yours: true },
          { gpu_id: 2, until, yours: true },
        ],
      },
    })
    expect((await pool.chg('reserve', '--gpu-ids', '0,3')).status).toBe(0)
  })

  test('GPUs in use are not granted', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({ gpus: { 1: { memory_used_mb: 9000 } } })
    expect(failureOf(await pool.chg('reserve', '--json', '--gpu-ids', '1'))).toMatchObject({
      ...{ code: 'not-enough-gpus', status: 75 },
      reason: { code: 'short', taken: [1], busy: [], occupied: [{ gpu_id: 1 }] },
    })
  })

  test('a waiter gets its GPUs although other GPUs are reserved and released first', async () => {
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
