import { expect, test } from 'bun:test'
import { existsSync, statSync, symlinkSync } from 'node:fs'
import { storedHistory, storedPool, withDatabase } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { needing } from '../../support/needs.ts'
import { testPool } from '../../support/pool.ts'

const fake = ['--provider', 'fake']

test('sets up the pool and prints its GPUs', async () => {
  using pool = await testPool(0)
  expect(await pool.chg('admin', '--gpus', '8', ...fake)).toEqual({
    status: 0,
    stdout: 'Initialized 8 GPUs (IDs 0 to 7)\n',
    stderr: '',
  })
  expect(storedPool(pool)).toMatchObject({ provider: 'fake', reservations: [], queue: [] })
  expect(storedPool(pool).units.map(({ id }) => id)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
})

test('does not set up a pool again without --force, for any count', async () => {
  using pool = await testPool(8)
  await pool.chg('reserve')
  const before = storedPool(pool)
  for (const gpus of ['8', '4']) {
    const refused = await pool.chg('admin', '--gpus', gpus, '--json', ...fake)
    expect(refused.stdout).toBe('')
    expect(failureOf(refused)).toMatchObject({
      ...{ code: 'pool-already-initialized', status: 1 },
      reason: { code: 'already-initialized', gpus: 8 },
    })
  }
  expect(storedPool(pool)).toEqual(before)
})

test('--force clears all reservations, keeps the history and records the ends', async () => {
  using pool = await testPool(8)
  await pool.chg('reserve', '--gpus', '2')
  expect(await pool.chg('admin', '--gpus', '4', '--force', ...fake)).toEqual({
    status: 0,
    stdout: 'Reinitialized 4 GPUs (IDs 0 to 3)\n',
    stderr: '',
  })
  expect(storedPool(pool).reservations).toEqual([])
  expect(storedPool(pool).units).toHaveLength(4)
  expect(storedHistory(pool).map(({ gpu, outcome }) => ({ gpu, outcome }))).toEqual([
    { gpu: 0, outcome: 'reset' },
    { gpu: 1, outcome: 'reset' },
  ])
})

test('--force also sets up a first pool', async () => {
  using pool = await testPool(0)
  const { stdout, status } = await pool.chg('admin', '-g', '1', '--force', ...fake)
  expect({ stdout, status }).toEqual({ stdout: 'Initialized 1 GPUs (IDs 0 to 0)\n', status: 0 })
})

test('exactly one of many concurrent processes sets up the pool', async () => {
  using pool = await testPool(0)
  const setUp = () => pool.chg('admin', '--gpus', '2', '--json', ...fake)
  const all = await Promise.all(Array.from({ length: 16 }, setUp))
  const refused = all.filter(({ status }) => status !== 0)
  expect(refused).toHaveLength(15)
  for (const each of refused) {
    expect(failureOf(each)).toMatchObject({
      code: 'pool-already-initialized',
      reason: { gpus: 2 },
    })
  }
})

test('setting up works after another process was killed while it did', async () => {
  using pool = await testPool(2)
  withDatabase(pool, (db) => db.run('DELETE FROM pool'))
  expect(failureOf(await pool.chg('status', '--json')).code).toBe('pool-not-initialized')
  expect(await pool.chg('admin', '--gpus', '2', ...fake)).toMatchObject({ status: 0, stderr: '' })
  expect(storedPool(pool).units).toHaveLength(2)
})

test('--force keeps provider, allocation and threshold unless options change them', async () => {
  using pool = await testPool(0)
  const named = ['--provider', 'fake', '--allocation', 'mru-per-user', '--memory-threshold', '300']
  await pool.chg('admin', '--gpus', '2', ...named)
  expect(await pool.chg('admin', '--gpus', '3', '--force')).toMatchObject({ status: 0, stderr: '' })
  expect(storedPool(pool)).toMatchObject({
    provider: 'fake',
    policy: { allocation: 'mru-per-user', memoryThresholdMb: 300 },
  })
  await pool.chg('admin', '--gpus', '3', '--force', '--allocation', 'lru', '--memory-threshold', '2048')
  expect(storedPool(pool)).toMatchObject({
    provider: 'fake',
    policy: { allocation: 'lru', memoryThresholdMb: 2048 },
  })
  expect((await pool.chg('admin', '--gpus', '3', '--force', '--provider', 'amd')).status).toBe(1)
  expect(storedPool(pool).provider).toBe('fake')
})

test('--show prints the settings of the pool, and changes nothing', async () => {
  using pool = await testPool(2)
  const before = storedPool(pool)
  const { stdout, stderr, status } = await pool.chg('admin', '--show')
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  expect(stdout.split('\n')).toEqual([
    `Pool: ${pool.database}`,
    `Host: ${before.host}`,
    'GPUs: 2',
    'Provider: fake',
    'Allocation: lru',
    'Memory threshold: 1024 MB',
    'Group: every user',
    '',
  ])
  expect(JSON.parse((await pool.chg('admin', '--show', '--json')).stdout)).toEqual({
    path: pool.database,
    host: before.host,
    gpus: 2,
    provider: 'fake',
    allocation: 'lru',
    memory_threshold_mb: 1024,
    group: null,
  })
  expect(storedPool(pool)).toEqual(before)
  expect((await pool.chg('admin', '--show', '--gpus', '2')).status).toBe(2)
})

test('--provider accepts a vendor and selects a working provider', async () => {
  using pool = await testPool(0)
  for (const vendor of ['nvidia', 'amd']) {
    const missing = await pool.chg('admin', '--gpus', '2', '-p', vendor, '--json')
    expect(missing).toMatchObject({ status: 1, stdout: '' })
    expect(failureOf(missing).message).toMatch(vendor === 'amd' ? /amd-smi/ : /NVIDIA/)
  }
  expect(failureOf(await pool.chg('admin', '--gpus', '2', '-p', 'intel', '--json'))).toMatchObject({
    ...{ code: 'usage', status: 2 },
    message: expect.stringContaining('nvidia, amd, nvml, nvidia-smi, amd-smi, fake'),
  })
  expect((await pool.chg('admin', '-g', '2', '-p', 'fake', '-j')).stdout).toContain('"initialized"')
})

test('--json prints the result', async () => {
  using pool = await testPool(0)
  const { stdout } = await pool.chg('admin', '--gpus', '2', '--json', ...fake)
  expect(JSON.parse(stdout)).toEqual({ result: 'initialized', gpus: 2 })
})

test('nothing is created if the driver is missing or shows too few GPUs', async () => {
  using pool = await testPool(0)
  const missing = await pool.chg('admin', '--gpus', '2', '--provider', 'amd-smi', '--json')
  expect(failureOf(missing)).toMatchObject({
    ...{ code: 'driver-missing', status: 1 },
    message: expect.stringContaining('amd-smi'),
  })
  expect(existsSync(`${pool.folder}/pool`)).toBe(false)
})

needing('embedded pool').test(
  'all users can use the database and its other files, with any umask',
  async () => {
    using pool = await testPool(0)
    const { status } = await pool.sh('umask 077; "$CHG" admin --gpus 2 --provider fake && "$CHG" reserve')
    expect(status).toBe(0)
    const mode = (path: string) => (statSync(path).mode & 0o7777).toString(8)
    expect(mode(`${pool.folder}/pool`)).toBe('755')
    for (const ending of ['', '-wal', '-shm']) expect(mode(pool.database + ending)).toBe('666')
  },
)

test('--backup writes a consistent copy for its account alone while others use the pool, and replaces nothing', async () => {
  using pool = await testPool(4)
  const users = Array.from({ length: 3 }, () => pool.sh('for _ in 1 2 3 4 5; do "$CHG" run -- true; done'))
  const copies = await Promise.all(
    Array.from({ length: 3 }, (_, nth) => pool.chg('admin', '--backup', `copy-${nth}.db`, '--json')),
  )
  await Promise.all(users)
  for (const { status, stdout, stderr } of copies) {
    expect([status, stderr]).toEqual([0, ''])
    const copy: string = JSON.parse(stdout).backup
    expect(statSync(copy).mode & 0o777).toBe(0o600)
    const check = await pool.chg('admin', '--check', '--json', '--store', copy)
    expect(JSON.parse(check.stdout)).toMatchObject({ sound: true, gpus: 4 })
    expect(existsSync(`${copy}-wal`)).toBe(false)
    const shown = await pool.chg('status', '--json', '--store', copy)
    expect(JSON.parse(shown.stdout)).toHaveLength(4)
  }
  symlinkSync(`${pool.folder}/nothing`, `${pool.folder}/link.db`)
  for (const taken of ['copy-0.db', 'link.db']) {
    expect(failureOf(await pool.chg('admin', '--backup', taken, '--json')).code).toBe('failure')
  }
  expect(existsSync(`${pool.folder}/nothing`)).toBe(false)
})
