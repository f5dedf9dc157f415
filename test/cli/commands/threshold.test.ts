import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { storedPool } from '../../support/database.ts'
import { failureOf, warningsOf } from '../../support/failure.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { until } from '../../support/until.ts'
import { startWeb } from '../../web/web-server.ts'

/** GPU 0 has no reservation, and 5000 MB of it are in use. */
async function poolInUse(): Promise<TestPool> {
  const pool = await testPool(1)
  pool.setFakeDriver({ gpus: { '0': { memory_used_mb: 5000 } } })
  return pool
}

/** With the two thresholds and the command that changes the pool's. */
const IGNORED =
  /^Warning: [^\n]*999999 MB [^\n]* 1024 MB [^\n]*'sudo canhazgpu admin --memory-threshold 999999'[^\n]*\n/

test.each([
  ['a flag', (_: TestPool) => ['--memory-threshold', '999999']],
  [
    'a variable',
    ({ env }: TestPool) => {
      env.CANHAZGPU_MEMORY_THRESHOLD = '999999'
      return []
    },
  ],
  [
    'a file',
    ({ folder }: TestPool) => {
      writeFileSync(`${folder}/.canhazgpu.yaml`, 'memory-threshold: 999999\n')
      return []
    },
  ],
])('a looser threshold of %s grants no used GPU, and prints one warning', async (_, configure) => {
  using pool = await poolInUse()
  const options = configure(pool)
  for (const command of [['reserve'], ['run', '--', 'true'], ['reserve', '--gpu-ids', '0']]) {
    const [verb = '', ...rest] = command
    const refused = await pool.chg(verb, ...options, ...rest)
    expect(refused).toMatchObject({ status: 75, stdout: '' })
    expect(refused.stderr).toMatch(IGNORED)
    expect(refused.stderr.split('\n')).toHaveLength(3)
  }
  const seen = await pool.chg('status', ...options)
  expect(seen.stdout).toContain('IN USE WITHOUT RESERVATION')
  expect(seen.stderr).toMatch(IGNORED)
  expect(seen.stderr.split('\n')).toHaveLength(2)
  expect((await pool.chg('queue', ...options)).stderr).toBe('')
  expect(storedPool(pool).reservations).toEqual([])
})

test('with --json the warning is an object', async () => {
  using pool = await poolInUse()
  const seen = await pool.chg('status', '--json', '--memory-threshold', '2000')
  expect(JSON.parse(seen.stdout)).toMatchObject([{ status: 'UNRESERVED' }])
  expect(warningsOf(seen)).toEqual([
    { code: 'threshold-ignored', message: expect.stringMatching(/2000 MB .* 1024 MB /) },
  ])
})

test('a stricter threshold is applied', async () => {
  using pool = await testPool(1)
  pool.setFakeDriver({ gpus: { '0': { memory_used_mb: 500 } } })
  expect((await pool.chg('reserve', '--memory-threshold', '500')).status).toBe(75)
  expect(await pool.chg('reserve', '--memory-threshold', '501')).toMatchObject({ status: 0, stderr: '' })
})

test('admin --memory-threshold changes the pool for all users, and ends no reservation', async () => {
  using pool = await testPool(2)
  await pool.chg('reserve')
  const before = storedPool(pool)
  pool.setFakeDriver({ gpus: { '1': { memory_used_mb: 500 } } })
  expect((await pool.chg('status')).stdout).toContain('GPU 1: AVAILABLE')
  expect(await pool.chg('admin', '--memory-threshold', '400')).toEqual({
    status: 0,
    stdout: 'Memory threshold: 400 MB\n',
    stderr: '',
  })
  expect((await pool.chg('status')).stdout).toContain('GPU 1: IN USE WITHOUT RESERVATION')
  expect((await pool.chg('reserve')).status).toBe(75)
  expect((await pool.chg('reserve', '--memory-threshold', '1024')).status).toBe(75)
  // The option has the same effect before the command's name.
  const raised = await pool.chg('--memory-threshold', '6000', 'admin', '--json')
  expect(JSON.parse(raised.stdout)).toEqual({ memory_threshold_mb: 6000 })
  expect((await pool.chg('reserve')).status).toBe(0)
  expect(storedPool(pool).reservations.slice(0, 1)).toEqual([...before.reservations])
})

test('the dashboard and the metrics use the threshold of the pool, also after it changes', async () => {
  using pool = await poolInUse()
  const server = await startWeb(pool, '--memory-threshold', '999999')
  expect(await server.json<unknown[]>('/api/status')).toMatchObject([{ status: 'UNRESERVED' }])
  expect(await server.metrics()).toMatch(/unreserved"?\}? 1$/m)
  await pool.chg('admin', '--memory-threshold', '6000')
  await until('the change is shown', async () =>
    Bun.deepMatch([{ status: 'AVAILABLE' }], await server.json<unknown[]>('/api/status')),
  )
})

test.each(['0', '-1', '1.5', '1GB', ''])('admin --memory-threshold %j is refused', async (value) => {
  using pool = await testPool(1)
  expect(failureOf(await pool.chg('admin', '--json', `--memory-threshold=${value}`))).toMatchObject({
    ...{ code: 'usage', status: 2 },
    message: expect.stringContaining('--memory-threshold'),
    hint: expect.stringContaining('canhazgpu admin --help'),
  })
})

test('--memory-threshold fails without a pool', async () => {
  using pool = await testPool(0)
  expect(failureOf(await pool.chg('admin', '--json', '--memory-threshold', '400'))).toMatchObject({
    ...{ code: 'pool-not-initialized', status: 1 },
  })
})
