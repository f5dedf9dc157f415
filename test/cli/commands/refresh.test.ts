import { expect, test } from 'bun:test'
import { changeStoredPool, storedHistory, storedPool } from '../../support/database.ts'
import { startForever } from '../../support/job.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { beforeReboot } from '../../support/reboot.ts'
import { until } from '../../support/until.ts'
import { waitToRun } from '../../support/waiters.ts'

/** The driver shows these UUIDs; null: no GPU with that number. */
function show(pool: TestPool, ...uuids: (string | null)[]): void {
  const gpus = uuids.map((uuid) => (uuid === null ? { missing: true } : { uuid, name: `Card ${uuid}` }))
  pool.setFakeDriver({ gpus: { ...gpus } })
}

const ALL_NEW = (count: number) =>
  `the driver shows none of the ${count} GPUs of the pool by UUID, but others in their places`

const uuidsOf = (pool: TestPool) => storedPool(pool).units.map(({ device }) => device.uuid)

async function poolOf(...uuids: string[]): Promise<TestPool> {
  const pool = await testPool(0)
  show(pool, ...uuids)
  await pool.chg('admin', '--gpus', String(uuids.length), '--provider', 'fake')
  return pool
}

test('if all GPUs of a pool are new, one line has the remedy, and none is granted', async () => {
  using pool = await poolOf('a', 'b')
  show(pool, 'x', 'y')
  const seen = await pool.chg('status')
  expect(seen.stderr).toBe(
    `Warning: ${ALL_NEW(2)} - 'sudo canhazgpu admin --refresh' adopts them and ends no reservation\n`,
  )
  expect(seen.stdout).toBe(
    [0, 1]
      .map(
        (id) =>
          `GPU ${id}: ERROR - the driver shows another GPU in its place - 'sudo canhazgpu admin --refresh' adopts it\n`,
      )
      .join(''),
  )
  expect(await pool.status()).toMatchObject([
    { status: 'ERROR', error: expect.stringContaining('admin --refresh') },
    { status: 'ERROR' },
  ])
  for (const typed of [['reserve'], ['run', '--', 'true'], ['reserve', '--gpu-ids', '1']]) {
    const { status, stderr } = await pool.chg(...typed)
    expect(status).toBe(75)
    expect(stderr).toContain("2 GPUs replaced by others, which 'sudo canhazgpu admin --refresh' adopts")
    expect(stderr).toMatch(/^Error: [^\n]+\n$/)
  }
})

test('--refresh adopts them, ends no reservation, and may be repeated', async () => {
  using pool = await poolOf('a', 'b')
  await pool.chg('reserve', '--gpu-ids', '1')
  const job = await startForever(pool)
  const before = storedPool(pool)
  show(pool, 'x', 'y')
  expect(await pool.chg('admin', '--refresh')).toEqual({
    status: 0,
    stdout: 'Adopted 2 GPU(s): [0, 1]\n',
    stderr: '',
  })
  expect(storedPool(pool).units).toMatchObject([
    { device: { uuid: 'x', name: 'Card x' } },
    { device: { uuid: 'y', name: 'Card y' } },
  ])
  const ids = (held: typeof before) => held.reservations.map(({ id, holdings }) => ({ id, holdings }))
  expect(ids(storedPool(pool))).toEqual(ids(before))
  expect(storedHistory(pool)).toEqual([])
  expect((await pool.chg('status')).stderr).toBe('')
  const again = await pool.chg('admin', '--refresh', '--json')
  expect({ ...again, stdout: JSON.parse(again.stdout) }).toEqual({
    status: 0,
    stdout: { adopted: [] },
    stderr: '',
  })
  job.process.kill('SIGKILL')
  await job.process.exited
})

test.each([
  ['one GPU was replaced', ['a', 'x', 'c'], ['a', 'x', 'c'], '[1]'],
  ['two GPUs changed places: nothing to adopt', ['b', 'a', 'c'], ['a', 'b', 'c'], 'nothing'],
  ['one GPU was replaced, and the numbers changed', ['x', 'a', 'b'], ['a', 'b', 'x'], '[2]'],
])('%s', async (_, shown, after, words) => {
  using pool = await poolOf('a', 'b', 'c')
  show(pool, ...shown)
  const { status, stdout } = await pool.chg('admin', '--refresh')
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining(words) })
  expect(uuidsOf(pool)).toEqual(after)
  expect((await pool.chg('status')).stdout).not.toContain('ERROR')
})

test('a changed name is adopted too', async () => {
  using pool = await poolOf('a')
  pool.setFakeDriver({ gpus: { '0': { uuid: 'a', name: 'Another name' } } })
  expect((await pool.chg('status')).stdout).toContain('AVAILABLE')
  expect((await pool.chg('admin', '--check')).stdout).toContain(
    "is 'Card a' in the pool, and the driver shows 'Another name'",
  )
  expect((await pool.chg('admin', '--refresh')).stdout).toBe('Adopted 1 GPU(s): [0]\n')
  expect((await pool.chg('admin', '--check')).stdout).toContain('is sound')
})

test('if the driver shows fewer GPUs, none is adopted, and the error has a remedy', async () => {
  using pool = await poolOf('a', 'b', 'c')
  for (const shown of [
    ['x', 'y', null],
    ['a', null, 'c'],
  ]) {
    show(pool, ...shown)
    const refused = await pool.chg('admin', '--refresh')
    expect({ status: refused.status, stdout: refused.stdout }).toEqual({ status: 1, stdout: '' })
    expect(refused.stderr).toMatch(
      /^Error: [^\n]*the pool has 3, the driver shows 2[^\n]*--gpus 2 --force[^\n]*\n$/,
    )
    expect(uuidsOf(pool)).toEqual(['a', 'b', 'c'])
  }
})

test('a waiter prints the reason, and is served after --refresh', async () => {
  using pool = await poolOf('a')
  show(pool, 'x')
  const waiter = await waitToRun(pool, '--gpus', '1')
  await until('the reason is printed', () => waiter.stderr().includes('admin --refresh'))
  await pool.chg('admin', '--refresh')
  await until('the command runs', () => storedPool(pool).reservations.length === 1)
})

test('--check compares pool and driver, and changes nothing', async () => {
  using pool = await poolOf('a', 'b', 'c')
  const cases: readonly (readonly [(string | null)[], readonly RegExp[]])[] = [
    [['x', 'y', 'z'], [/^the driver shows none of the 3 GPUs [^\n]+ - '[^']+--refresh' adopts/]],
    [
      ['a', 'x', 'c'],
      [/^in the place of GPU 1 \(b\) the driver shows another \(x\) - '[^']+--refresh' adopts/],
    ],
    [
      ['a', null, 'c'],
      [/^GPU 1 \(b\) is not among the 2 GPUs that the driver shows - [^\n]+--gpus 2 --force/],
    ],
    [
      ['a', null, 'x'],
      [/^GPU 1 \(b\) is not among/, /^in the place of GPU 2 \(c\)/],
    ],
  ]
  const before = storedPool(pool)
  for (const [shown, problems] of cases) {
    show(pool, ...shown)
    const { status, stdout, stderr } = await pool.chg('admin', '--check')
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(problems.length)
    for (const [nth, problem] of problems.entries()) expect(lines[nth]).toMatch(problem)
    expect(stderr).toMatch(/^Error: The pool \S+ is not sound: \d problems?\n$/)
    expect(status).toBe(1)
    const json = JSON.parse((await pool.chg('admin', '--check', '--json')).stdout)
    expect(json).toMatchObject({ sound: false, driver: { checked: true } })
    expect(json.problems.map(({ kind }: { kind: string }) => kind)).toEqual(problems.map(() => 'device'))
  }
  expect(storedPool(pool)).toEqual(before)
})

test.each([
  ['hangs', { hang: true }, 'The fake driver did not answer'],
  ['fails', { fail: 'no such device' }, 'no such device'],
])('--check with a driver that %s prints what was not checked', async (_, scenario, words) => {
  using pool = await testPool(1)
  pool.setFakeDriver(scenario)
  const { status, stdout, stderr } = await pool.chg('admin', '--check', '--probe-timeout', '1s')
  expect(status).toBe(0)
  expect(stdout).toContain('is sound')
  expect(stderr).toMatch(/^Not compared with the driver: [^\n]+\n$/)
  expect(stderr).toContain(words)
  const json = await pool.chg('admin', '--check', '--probe-timeout', '1s', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ sound: true, driver: { checked: false } })
  expect((await pool.chg('admin', '--refresh', '--probe-timeout', '1s')).status).toBe(1)
})

test.each(['--check', '--show', '--gpus=1', '--force', '--memory-threshold=5'])(
  '--refresh and %s contradict each other',
  async (other) => {
    using pool = await testPool(1)
    const { status, stderr } = await pool.chg('admin', '--refresh', other)
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(/^Error: --\w+ and --[\w-]+ contradict each other/),
    })
  },
)

test.each([{ words: ['--refresh'] }, { words: ['--memory-threshold', '512'] }])(
  'admin $words as the first command after a reboot ends the runs from before it',
  async ({ words }) => {
    using pool = await poolOf('a')
    await startForever(pool)
    changeStoredPool(pool, (document) => beforeReboot(document, Date.now() - 5_000))
    show(pool, 'x')
    expect((await pool.chg('admin', ...words)).status).toBe(0)
    expect(storedPool(pool).reservations).toEqual([])
    expect(storedHistory(pool)).toMatchObject([{ outcome: 'vanished' }])
  },
)
