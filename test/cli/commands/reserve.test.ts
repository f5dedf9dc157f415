import { expect, test } from 'bun:test'
import { unitsOf, wholeUnits } from '../../../src/domain/pool/units.ts'
import { changeStoredPool, storedHistory, storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { startForever } from '../../support/job.ts'
import { testPool } from '../../support/pool.ts'

const HOUR = 3_600_000

test('the default is one GPU for eight hours', async () => {
  using pool = await testPool(2)
  expect(await pool.chg('reserve')).toEqual({
    status: 0,
    stdout: 'Reserved 1 GPU(s): [0] for 8h 0m 0s\n',
    stderr: '',
  })
  const [reservation] = storedPool(pool).reservations
  expect(reservation).toMatchObject({ term: { kind: 'manual' }, holdings: wholeUnits(['0']) })
  if (reservation?.term.kind === 'manual') {
    expect(reservation.term.expiresAt - reservation.startedAt).toBe(8 * HOUR)
  }
})

test.each([
  [['--gpus', '2', '--duration', '4h'], '2 GPU(s): [0, 1] for 4h 0m 0s'],
  [['-g', '3', '-d', '1h30m'], '3 GPU(s): [0, 1, 2] for 1h 30m 0s'],
  [['-g2', '-d30m'], '2 GPU(s): [0, 1] for 0h 30m 0s'],
  [['--gpus=1', '--duration=2d'], '1 GPU(s): [0] for 48h 0m 0s'],
  [['--duration', '0.5h'], '1 GPU(s): [0] for 0h 30m 0s'],
  [['--duration', '30s'], '1 GPU(s): [0] for 0h 0m 30s'],
])('%j', async (options, words) => {
  using pool = await testPool(4)
  const { stdout, status } = await pool.chg('reserve', ...options)
  expect({ stdout, status }).toEqual({ stdout: `Reserved ${words}\n`, status: 0 })
})

test('never-used GPUs first, then the least recently used', async () => {
  using pool = await testPool(4)
  const now = Date.now()
  const minutesAgo = [10, 30, 20, null]
  changeStoredPool(pool, (document) => ({
    ...document,
    units: document.units.map((unit, nth) => {
      const ago = minutesAgo[nth]
      if (ago === null || ago === undefined) return unit
      return { ...unit, lastUse: { endedAt: now - ago * 60_000, uid: 54321 } }
    }),
  }))
  for (const gpu of [3, 1, 2, 0]) {
    expect((await pool.chg('reserve')).stdout).toStartWith(`Reserved 1 GPU(s): [${gpu}]`)
  }
})

test('too few available GPUs: the request is refused and none is reserved', async () => {
  using pool = await testPool(3)
  await pool.chg('reserve', '--gpus', '2')
  const before = storedPool(pool)
  const refused = await pool.chg('reserve', '--gpus', '2')
  expect(refused).toMatchObject({ status: 75, stdout: '' })
  expect(refused.stderr).toStartWith('Error: Not enough GPUs available. Requested: 2, Available: 1 - ')
  expect(failureOf(await pool.chg('reserve', '--gpus', '2', '--json'))).toMatchObject({
    ...{ code: 'not-enough-gpus', status: 75 },
    reason: { requested: 2, available: 1, ahead: 0, busy: [{ yours: true }, { yours: true }] },
  })
  expect(storedPool(pool)).toEqual(before)
})

test('GPUs in use without a reservation are not granted, and the error counts them', async () => {
  using pool = await testPool(2)
  pool.setFakeDriver({ gpus: { '0': { memory_used_mb: 4000 } } })
  const reason = "(1 GPUs in use without reservation - run 'canhazgpu status' for details)"
  for (const command of [
    ['reserve', '--gpus', '2'],
    ['run', '--gpus', '2', '--', 'true'],
  ]) {
    expect(await pool.chg(...command)).toEqual({
      status: 75,
      stdout: '',
      stderr: `Error: Not enough GPUs available. Requested: 2, Available: 1 ${reason}\n`,
    })
  }
  expect((await pool.chg('reserve')).stdout).toStartWith('Reserved 1 GPU(s): [1]')
})

test('faulty GPUs are never granted', async () => {
  using pool = await testPool(3)
  pool.setFakeDriver({ gpus: { '0': { fault: 'GPU is lost' }, '2': { missing: true } } })
  expect(failureOf(await pool.chg('reserve', '--gpus', '2', '--json'))).toMatchObject({
    ...{ code: 'not-enough-gpus', status: 75 },
    reason: {
      available: 1,
      faulty: [
        { gpu_id: 0, error: 'GPU is lost', reason: { code: 'reported' } },
        { gpu_id: 2, reason: { code: 'missing' } },
      ],
    },
  })
  expect((await pool.chg('reserve')).stdout).toStartWith('Reserved 1 GPU(s): [1]')
})

test('more GPUs than the pool has: refused as impossible without a probe', async () => {
  using pool = await testPool(2)
  pool.setFakeDriver({ hang: true })
  expect(failureOf(await pool.chg('reserve', '--gpus', '3', '--json'))).toMatchObject({
    ...{ code: 'impossible-request', status: 2 },
    reason: { code: 'impossible', requested: 3, gpus: 2 },
  })
})

test('release ends all manual reservations of the account, and only those', async () => {
  using pool = await testPool(5)
  await pool.chg('reserve', '--gpus', '1')
  const job = await startForever(pool)
  await pool.chg('reserve', '--gpus', '2')
  changeStoredPool(pool, (document) => ({
    ...document,
    reservations: [
      ...document.reservations,
      {
        id: 'bobs',
        owner: { account: { uid: 54321, name: 'bob' }, shownName: 'bob' },
        holdings: wholeUnits(['4']),
        startedAt: Date.now(),
        term: { kind: 'manual', expiresAt: Date.now() + HOUR },
      },
    ],
  }))
  expect(await pool.chg('release')).toEqual({
    status: 0,
    stdout: 'Released 3 GPU(s): [0, 2, 3]\n',
    stderr: '',
  })
  expect(storedPool(pool).reservations.map(unitsOf)).toEqual([['1'], ['4']])
  expect(storedHistory(pool).map(({ gpu, outcome }) => [gpu, outcome])).toEqual([
    [0, 'released'],
    [2, 'released'],
    [3, 'released'],
  ])
  expect(job.process.exitCode).toBeNull()
  expect((await pool.chg('release')).stdout).toBe('No manually reserved GPUs found for current user\n')
})

test('a manual reservation expires', async () => {
  using pool = await testPool(1)
  await pool.chg('reserve', '--duration', '1h')
  changeStoredPool(pool, (document) => ({
    ...document,
    reservations: document.reservations.map((each) => ({
      ...each,
      term: { ...each.term, expiresAt: each.startedAt + 1 },
    })),
  }))
  expect((await pool.chg('reserve')).stdout).toStartWith('Reserved 1 GPU(s): [0]')
  expect(storedHistory(pool).map((record) => record.outcome)).toEqual(['expired'])
  expect((await pool.chg('release')).stdout).toBe('Released 1 GPU(s): [0]\n')
})

test('--json of reserve and release', async () => {
  using pool = await testPool(3)
  const reserved = JSON.parse((await pool.chg('reserve', '-g', '2', '--json')).stdout)
  expect(reserved).toMatchObject({
    reservation: storedPool(pool).reservations[0]?.id,
    gpus: [0, 1],
    cuda_visible_devices: '0,1',
  })
  const released = JSON.parse((await pool.chg('release', '--json')).stdout)
  expect(released).toMatchObject({ released: [0, 1] })
  const refused = await pool.chg('reserve', '-g', '9', '--json')
  expect(failureOf(refused).code).toBe('impossible-request')
  expect(refused.stdout).toBe('')
})

test('environment variables do not change the account', async () => {
  using pool = await testPool(2)
  Object.assign(pool.env, { USER: 'mallory', LOGNAME: 'mallory', SUDO_USER: 'mallory' })
  await pool.chg('reserve')
  const [reservation] = storedPool(pool).reservations
  expect(reservation?.owner.account.uid).toBe(process.geteuid?.() ?? -1)
  expect(reservation?.owner.account.name).not.toBe('mallory')
  expect(reservation?.owner.shownName).not.toBe('mallory')
})
