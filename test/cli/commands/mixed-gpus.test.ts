import { describe, expect, test } from 'bun:test'
import { daemonPool } from '../../support/daemon.ts'
import { changeStoredPool, storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { finished, type TestPool, testPool } from '../../support/pool.ts'
import { until } from '../../support/until.ts'

const H100 = { name: 'NVIDIA H100 80GB HBM3', memory_total_mb: 81_559 }
const A100 = { name: 'NVIDIA A100-SXM4-40GB', memory_total_mb: 40_536 }

/** GPUs 0 and 1 are H100, 2 and 3 are A100. */
const MIXED = { gpus: { '0': H100, '1': H100, '2': A100, '3': A100 } }

/** Sets up an empty pool with these GPUs. */
async function mixed<Made extends TestPool>(made: Promise<Made>): Promise<Made> {
  const pool = await made
  pool.setFakeDriver(MIXED)
  const { status, stderr } = await pool.chg('admin', '--gpus', '4', '--provider', 'fake')
  if (status !== 0) throw new Error(stderr)
  return pool
}

for (const [mode, makePool] of [
  ['embedded', () => mixed(testPool(0))],
  ['daemon', () => mixed(daemonPool(0))],
] as const) {
  describe(mode, () => {
    test.each([
      [['--gpu-type', 'a100'], '2'],
      [['--gpu-type', 'A100,h100', '--gpus', '3'], '0,1,2'],
      [['--min-memory', '80G', '--gpus', '2'], '0,1'],
      [['--min-memory', '40G', '--gpus', '4'], '0,1,2,3'],
      [['--gpu-type', 'a100', '--min-memory', '40G', '--gpus', '2'], '2,3'],
    ])('reserve %j gets these GPUs', async (options, gpus) => {
      using pool = await makePool()
      expect((await pool.chg('reserve', '--short', ...options)).stdout).toBe(`${gpus}\n`)
    })

    test('a request that no GPU or too few GPUs can meet is wrong usage, with the models of the pool', async () => {
      using pool = await makePool()
      const models = [
        { gpu_model: H100.name, memory_total_mb: 81_559, gpus: 2 },
        { gpu_model: A100.name, memory_total_mb: 40_536, gpus: 2 },
      ]
      for (const wait of [[], ['--wait']]) {
        const refused = await pool.chg('reserve', '--gpu-type', 'a10', '--json', ...wait)
        expect(failureOf(refused)).toMatchObject({
          ...{ code: 'impossible-request', status: 2 },
          reason: { code: 'impossible', requested: 1, gpu_types: ['a10'], suitable: 0, models },
        })
        const many = await pool.chg(
          'run',
          '--gpus',
          '3',
          '--min-memory',
          '80G',
          '--json',
          ...wait,
          '--',
          'true',
        )
        expect(failureOf(many)).toMatchObject({
          ...{ code: 'impossible-request', status: 2 },
          reason: { requested: 3, min_memory_mb: 76_293, suitable: 2, models },
        })
      }
    })

    test('a taken type is refused as short, and waits only for its own GPUs', async () => {
      using pool = await makePool()
      await pool.chg('reserve', '--gpu-type', 'h100', '--gpus', '2', '--duration', '1h')
      const refused = failureOf(await pool.chg('reserve', '--gpu-type', 'h100', '--json'))
      expect(refused).toMatchObject({ code: 'not-enough-gpus', status: 75 })
      expect(refused.reason).toMatchObject({
        available: 0,
        gpu_types: ['h100'],
        busy: [{ gpu_id: 0 }, { gpu_id: 1 }],
      })
      const waiter = pool.start(
        'run',
        '--wait',
        '--gpu-type',
        'h100',
        '--',
        'printenv',
        'CUDA_VISIBLE_DEVICES',
      )
      const queue = async () => JSON.parse((await pool.chg('queue', '--json')).stdout)
      await until('it waits', async () => (await queue()).length === 1)
      const [place] = await queue()
      expect(place).toMatchObject({ gpus: 1, gpu_types: ['h100'], reason_code: 'short', free: 0 })
      expect(place.earliest_start).toBeDefined()
      expect((await pool.chg('queue')).stdout).toContain('1 GPU of type h100')
      // A request without a type does not wait behind one that its GPUs do not suit.
      expect((await pool.chg('reserve', '--gpus', '2', '--short')).stdout).toBe('2,3\n')
      await pool.chg('release', '--gpu-ids', '1')
      expect((await finished(waiter)).stdout).toBe('1\n')
    })
  })
}

test('requirements with --gpu-ids, and texts that are none, are wrong usage', async () => {
  using pool = await testPool(2)
  for (const options of [
    ['--gpu-ids', '0', '--gpu-type', 'h100'],
    ['--gpu-ids', '0', '--min-memory', '1G'],
    ['--gpu-type', ''],
    ['--gpu-type', 'h100,'],
    ['--gpu-type', '-'],
    ['--gpu-type', 'x'.repeat(65)],
    ['--min-memory', '40'],
    ['--min-memory', 'much'],
  ]) {
    expect(failureOf(await pool.chg('reserve', '--json', ...options))).toMatchObject({
      code: 'usage',
      status: 2,
    })
  }
})

test('a pool of an earlier version learns the memory of its GPUs by --refresh', async () => {
  using pool = await mixed(testPool(0))
  changeStoredPool(pool, (document) => ({
    ...document,
    units: document.units.map(({ memoryMb: _, ...each }) => each),
  }))
  const unknown = failureOf(await pool.chg('reserve', '--min-memory', '40G', '--json'))
  expect(unknown).toMatchObject({ code: 'impossible-request', hint: expect.stringContaining('--refresh') })
  expect((await pool.chg('reserve', '--gpu-type', 'a100', '--short')).stdout).toBe('2\n')
  await pool.chg('admin', '--refresh')
  expect((await pool.chg('reserve', '--min-memory', '40G', '--short')).stdout).toBe('0\n')
})

test('the memory of the GPUs is stored at set-up and at --refresh', async () => {
  using pool = await mixed(testPool(0))
  const memory = () => storedPool(pool).units.map(({ memoryMb }) => memoryMb)
  expect(memory()).toEqual([81_559, 81_559, 40_536, 40_536])
  pool.setFakeDriver({ gpus: { ...MIXED.gpus, '0': { ...H100, memory_total_mb: 90_000 } } })
  expect((await pool.chg('admin', '--check')).status).toBe(0)
  expect((await pool.chg('admin', '--refresh')).stdout).toBe('Adopted 1 GPU(s): [0]\n')
  expect(memory()).toEqual([90_000, 81_559, 40_536, 40_536])
})

test('a waiter for GPUs that a refresh removes is refused', async () => {
  using pool = await mixed(testPool(0))
  await pool.chg('reserve', '--gpus', '4')
  const waiter = pool.start('reserve', '--wait', '--gpu-type', 'a100', '--json')
  await until('it waits', async () => JSON.parse((await pool.chg('queue', '--json')).stdout).length === 1)
  pool.setFakeDriver({ gpus: { '0': H100, '1': H100, '2': H100, '3': H100 } })
  await pool.chg('admin', '--refresh')
  expect(failureOf(await finished(waiter))).toMatchObject({ code: 'impossible-request', status: 2 })
})

test('a claim takes only GPUs of the requested type', async () => {
  using pool = await mixed(testPool(0))
  const own = { pid: process.pid, memory_mb: 9_000 }
  pool.setFakeDriver({
    gpus: { ...MIXED.gpus, '0': { ...H100, processes: [own] }, '3': { ...A100, processes: [own] } },
  })
  expect((await pool.chg('reserve', '--claim', '--gpu-type', 'a100', '--short')).stdout).toBe('3\n')
  expect(
    failureOf(await pool.chg('reserve', '--claim', '--gpu-type', 'a100', '--json')).reason,
  ).toMatchObject({
    ...{ code: 'nothing-to-claim', claimable: 0 },
  })
})
