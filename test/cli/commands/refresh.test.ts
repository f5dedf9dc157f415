import { expect, test } from 'bun:test'
import { changeStoredPool, storedHistory, storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { startForever } from '../../support/job.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { beforeReboot } from '../../support/reboot.ts'
import { until } from '../../support/until.ts'
import { waitToRun } from '../../support/waiters.ts'

/** Makes the driver show GPUs with these UUIDs; null: no GPU with that number. */
function show(pool: TestPool, ...uuids: (string | null)[]): void {
  const gpus = uuids.map((uuid) => (uuid === null ? { missing: true } : { uuid, name: `Card ${uuid}` }))
  pool.setFakeDriver({ gpus: { ...gpus } })
}

const uuidsOf = (pool: TestPool) => storedPool(pool).units.map(({ device }) => device.uuid)

async function poolOf(...uuids: string[]): Promise<TestPool> {
  const pool = await testPool(0)
  show(pool, ...uuids)
  await pool.chg('admin', '--gpus', String(uuids.length), '--provider', 'fake')
  return pool
}

test('if all GPUs of a pool were replaced, one line has the remedy, and no GPU is granted', async () => {
  using pool = await poolOf('a', 'b')
  show(pool, 'x', 'y')
  const seen = await pool.chg('status')
  expect(seen.stderr).toMatch(/^Warning: [^\n]*'sudo canhazgpu admin --refresh'[^\n]*\n$/)
  expect(seen.stdout).toMatch(/^(GPU [01]: ERROR - [^\n]*admin --refresh[^\n]*\n){2}$/)
  const replaced = { status: 'ERROR', reason: { code: 'replaced' } }
  expect(await pool.status()).toMatchObject([replaced, replaced])
  for (const [command = '', ...rest] of [['reserve'], ['run', '--', 'true'], ['reserve', '--gpu-ids', '1']]) {
    expect(failureOf(await pool.chg(command, '--json', ...rest))).toMatchObject({
      ...{ code: 'not-enough-gpus', status: 75 },
      reason: { replaced: [0, 1] },
      message: expect.stringContaining('admin --refresh'),
    })
  }
})

test('--refresh adopts new GPUs, ends no reservation, and may be repeated', async () => {
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
  const check = async () => JSON.parse((await pool.chg('admin', '--check', '--json')).stdout)
  expect(await check()).toMatchObject({
    sound: false,
    problems: [
      { reason: { code: 'renamed', gpu_id: 0 }, what: expect.stringMatching(/Card a.*Another name/) },
    ],
  })
  expect((await pool.chg('admin', '--refresh')).stdout).toBe('Adopted 1 GPU(s): [0]\n')
  expect(await check()).toMatchObject({ sound: true })
})

test('if the driver shows fewer GPUs, none is adopted, and the error has a remedy', async () => {
  using pool = await poolOf('a', 'b', 'c')
  for (const shown of [
    ['x', 'y', null],
    ['a', null, 'c'],
  ]) {
    show(pool, ...shown)
    const refused = await pool.chg('admin', '--refresh', '--json')
    expect(refused.stdout).toBe('')
    expect(failureOf(refused)).toMatchObject({
      ...{ code: 'failure', status: 1 },
      reason: { code: 'devices-missing', gpus: 3, shown: 2 },
      hint: expect.stringContaining('--gpus 2 --force'),
    })
    expect(uuidsOf(pool)).toEqual(['a', 'b', 'c'])
  }
})

test('a waiter prints the reason, and gets its GPU after --refresh', async () => {
  using pool = await poolOf('a')
  show(pool, 'x')
  const waiter = await waitToRun(pool, '--gpus', '1')
  await until('the reason is printed', () => waiter.stderr().includes('admin --refresh'))
  await pool.chg('admin', '--refresh')
  await until('the command runs', () => storedPool(pool).reservations.length === 1)
})

test('--check compares pool and driver, and changes nothing', async () => {
  using pool = await poolOf('a', 'b', 'c')
  const cases: readonly (readonly [(string | null)[], ...(readonly [object, RegExp][])])[] = [
    [
      ['x', 'y', 'z'],
      [{ code: 'all-replaced' }, /--refresh/],
    ],
    [
      ['a', 'x', 'c'],
      [{ code: 'replaced', gpu_id: 1 }, /\(b\).*\(x\).*--refresh/],
    ],
    [
      ['a', null, 'c'],
      [{ code: 'missing', gpu_id: 1 }, /\(b\).*--gpus 2 --force/],
    ],
    [
      ['a', null, 'x'],
      [{ code: 'missing', gpu_id: 1 }, /\(b\)/],
      [{ code: 'replaced', gpu_id: 2 }, /\(c\).*\(x\)/],
    ],
  ]
  const before = storedPool(pool)
  for (const [shown, ...problems] of cases) {
    show(pool, ...shown)
    const lines = (await pool.chg('admin', '--check')).stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(problems.length)
    for (const [nth, [, facts]] of problems.entries()) expect(lines[nth]).toMatch(facts)
    const checked = await pool.chg('admin', '--check', '--json')
    expect(failureOf(checked)).toMatchObject({ code: 'driver-failed', status: 1 })
    expect(JSON.parse(checked.stdout)).toMatchObject({
      ...{ sound: false, driver: { checked: true } },
      problems: problems.map(([reason]) => ({ kind: 'device', reason })),
    })
  }
  expect(storedPool(pool)).toEqual(before)
})

test.each([
  ['hangs', { hang: true }, 'driver-unresponsive'],
  ['fails', { fail: 'no such device' }, 'driver-failed'],
])('--check with a driver that %s prints what was not checked', async (_, scenario, code) => {
  using pool = await testPool(1)
  pool.setFakeDriver(scenario)
  const checked = await pool.chg('admin', '--check', '--probe-timeout', '1s')
  expect(checked.status).toBe(0)
  const { stdout } = await pool.chg('admin', '--check', '--probe-timeout', '1s', '--json')
  const { sound, driver } = JSON.parse(stdout)
  expect({ sound, driver }).toMatchObject({ sound: true, driver: { checked: false, reason_code: code } })
  expect(checked.stderr).toContain(driver.reason)
  expect((await pool.chg('admin', '--refresh', '--probe-timeout', '1s')).status).toBe(1)
})

test.each(['--check', '--show', '--gpus=1', '--force', '--memory-threshold=5'])(
  '--refresh and %s contradict each other',
  async (other) => {
    using pool = await testPool(1)
    const { code, status, message } = failureOf(await pool.chg('admin', '--json', '--refresh', other))
    expect({ code, status }).toEqual({ code: 'usage', status: 2 })
    for (const flag of ['--refresh', other.split('=')[0]]) expect(message).toContain(flag ?? '')
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
