import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync } from 'node:fs'
import { daemonPool } from '../../support/daemon.ts'
import { failureOf } from '../../support/failure.ts'
import { needing } from '../../support/needs.ts'
import { finished, type TestPool, testPool } from '../../support/pool.ts'
import { newGroup, newUser, noUsers, ownName, sharedPool, type UnixUser } from '../../support/unix-users.ts'
import { until } from '../../support/until.ts'

const queueOf = async (pool: TestPool) => JSON.parse((await pool.chg('queue', '--json')).stdout)
const rulesOf = async (pool: TestPool) => JSON.parse((await pool.chg('policy', '--json')).stdout).rules

for (const [mode, makePool] of [
  ['embedded', (gpus: number) => testPool(gpus)],
  ['daemon', (gpus: number) => daemonPool(gpus)],
] as const) {
  describe(mode, () => {
    test('shows the defaults, and says whether the policy is advisory', async () => {
      using pool = await makePool(2)
      const { stdout, stderr, status } = await pool.chg('policy')
      expect(stdout.split('\n')[0]).toMatch(/^RULE +VALUE +SOURCE +FOR YOU$/)
      expect(stdout).toMatch(/^max-gpus +no limit +default +in force$/m)
      expect(stderr.includes('advisory')).toBe(mode === 'embedded')
      expect(status).toBe(0)
      expect(JSON.parse((await pool.chg('policy', '--json')).stdout).advisory).toBe(mode === 'embedded')
    })

    test('sets and unsets a rule, with its author, and ends no reservation', async () => {
      using pool = await makePool(4)
      await pool.chg('reserve', '--gpus', '3')
      const set = await pool.chg('policy', 'set', 'max-gpus', '2')
      expect(set.status).toBe(0)
      const [own, name] = [await rulesOf(pool), ownName()]
      expect(own).toContainEqual({
        ...{ rule: 'max-gpus', value: '2', amount: 2, source: 'pool', set_by: name },
        ...{ set_at: expect.any(String), in_force: true, used: 3 },
      })
      expect((await pool.status()).filter(({ status }) => status === 'IN_USE')).toHaveLength(3)
      const refused = await pool.chg('reserve', '--json')
      expect(failureOf(refused)).toMatchObject({
        ...{ code: 'over-limit', status: 75 },
        reason: { code: 'over-limit', limit: 'gpus', used: 3, most: 2, allowed_at: expect.any(String) },
      })
      await pool.chg('policy', 'unset', 'max-gpus')
      expect((await pool.chg('reserve')).status).toBe(0)
      expect(await rulesOf(pool)).toContainEqual({
        ...{ rule: 'max-gpus', value: null, source: 'default', in_force: true, used: 4 },
      })
    })

    test('every change is recorded with its author, its reason and both values, newest first', async () => {
      using pool = await makePool(2)
      const [name, uid] = [ownName(), process.getuid?.()]
      await pool.chg('policy', 'set', 'max-gpus', '2', '--reason', 'exam week')
      await pool.chg('policy', 'set', 'max-gpus', '2')
      await pool.chg('drain', '1', '--reason', 'fan')
      await pool.chg('drain', '1')
      await pool.chg('restore', '0,1', '--reason', 'new fan')
      await pool.chg('policy', 'unset', 'max-gpus')
      await pool.chg('policy', 'set', 'max-duration', '0s')
      const historyOf = async (...args: readonly string[]) =>
        JSON.parse((await pool.chg('policy', ...args, '--json')).stdout)
      const { changes, advisory } = await historyOf('--history')
      expect(advisory).toBe(mode === 'embedded')
      const rule = { change: 'rule', rule: 'max-gpus', source: 'pool' }
      const set = [
        { ...rule, before: '2', after: null },
        { change: 'restore', gpu_ids: [1], reason: 'new fan' },
        { change: 'drain', gpu_ids: [1], reason: 'fan' },
        { ...rule, before: null, after: '2', reason: 'exam week' },
        { change: 'set-up', gpus: 2, provider: 'fake', reset: false },
      ]
      const by = { by: name, uid, at: expect.any(String) }
      expect(changes).toMatchObject(set.map((each) => ({ ...by, ...each })))
      expect((await historyOf('--history', '2')).changes).toEqual(changes.slice(0, 2))
      const { stdout, stderr } = await pool.chg('policy', '--history', '1')
      expect(stdout).toMatch(/^TIME +BY +UID .*CHANGE\n.* max-gpus: 2 -> not set\n$/)
      expect(stderr).toContain("The last 1 changes: '--history <count>' shows more")
    })

    test('a waiter over its limit starts when the limit is raised', async () => {
      using pool = await makePool(2)
      await pool.chg('policy', 'set', 'max-gpus', '1')
      await pool.chg('reserve')
      const waiter = pool.start('run', '--wait', '--', 'echo', 'granted')
      await until('it waits', async () => (await queueOf(pool)).length === 1)
      expect(await queueOf(pool)).toMatchObject([{ reason_code: 'over-limit', used: 1, most: 1 }])
      await pool.chg('policy', 'set', 'max-gpus', '2')
      const { stdout, stderr } = await finished(waiter)
      expect(stdout).toBe('granted\n')
      expect(stderr).toContain('your limit of 1 GPUs is reached')
    })

    test('a run without a time limit gets the default, stated at its start, and is ended by it', async () => {
      using pool = await makePool(1)
      await pool.chg('policy', 'set', 'default-duration', '1s')
      const run = await pool.chg('run', '--', 'sleep', '1000')
      expect(run.status).toBe(130)
      expect(run.stderr).toContain('Time limit of this pool: the command gets SIGINT after 0h 0m 1s')
      await until('the GPU is free', async () => (await pool.status())[0]?.status === 'AVAILABLE')
      expect((await pool.chg('reserve')).stdout).toBe('Reserved 1 GPU(s): [0] for 0h 0m 1s\n')
    })
  })
}

test.each([
  [['set']],
  [['set', 'bookings', 'yes']],
  [['set', 'max-gpus']],
  [['set', 'max-gpus', 'many']],
  [['set', 'max-gpus', '1', '2']],
  [['set', 'max-duration', '0s']],
  [['unset', 'max-gpus', '1']],
  [['change', 'max-gpus', '1']],
  [['--account', 'root']],
  [['--reason', 'why']],
  [['--history', '0']],
  [['set', 'max-gpus', '1', '--history']],
  [['--history', '--account', 'root']],
  [['set', 'allocation', 'lru', '--account', 'root']],
  [['set', 'max-gpus', '1', '--account', 'root', '--group', 'root']],
  [['set', 'max-gpus', '1', '--account', 'no-such-account']],
  [['set', 'max-gpus', '1', '--group', 'no-such-group']],
])('policy %j is wrong usage and changes nothing', async (args) => {
  using pool = await testPool(1)
  const before = await rulesOf(pool)
  expect(failureOf(await pool.chg('policy', ...args, '--json'))).toMatchObject({ code: 'usage', status: 2 })
  expect(await rulesOf(pool)).toEqual(before)
})

needing('users').describe('accounts and groups', () => {
  const group = noUsers() === null ? newGroup() : undefined
  let ann: UnixUser
  let ben: UnixUser
  beforeAll(async () => {
    ann = await newUser('ann', [group?.name ?? ''])
    ben = await newUser('ben')
  })
  afterAll(async () => {
    await ann.remove()
    await ben.remove()
    group?.remove()
  })

  for (const [mode, makePool] of [
    ['embedded', testPool],
    ['daemon', daemonPool],
  ] as const) {
    test(`${mode}: the account that logged in is recorded behind root`, async () => {
      using pool = await makePool(2)
      // As pam_loginuid(8) does for the session in which an administrator uses sudo. Without the right to do it, the
      // session of the test counts.
      const logIn = `echo ${ann.uid} > /proc/self/loginuid; cat /proc/self/loginuid`
      const { stdout } = await pool.sh(
        `(${logIn}) 2> /dev/null; ${logIn} > /dev/null 2>&1
        "$CHG" policy set max-gpus 1 > /dev/null; "$CHG" drain 0 > /dev/null; "$CHG" admin --gpus 2 --force > /dev/null`,
      )
      const uid = Number.parseInt(stdout, 10)
      const { changes } = JSON.parse((await pool.chg('policy', '--history', '3', '--json')).stdout)
      const isOther = uid !== 0 && uid !== 2 ** 32 - 1
      const author = {
        ...{ by: ownName(), uid: 0, at: expect.any(String) },
        ...(isOther ? { login: expect.any(String), login_uid: uid } : {}),
      }
      expect(changes).toEqual([
        { ...author, change: 'set-up', gpus: 2, provider: 'fake', reset: true },
        { ...author, change: 'drain', gpu_ids: [0] },
        { ...author, change: 'rule', rule: 'max-gpus', source: 'pool', before: null, after: '1' },
      ])
    })
  }

  for (const [mode, makePool] of [
    ['embedded', sharedPool],
    [
      'daemon',
      async (gpus: number) => {
        const pool = await daemonPool(gpus)
        chmodSync(pool.folder, 0o755)
        return pool
      },
    ],
  ] as const) {
    test(`${mode}: a limit of a group holds for its members, that of an account comes first, and only root sets it`, async () => {
      using pool = await makePool(4)
      const name = group?.name ?? ''
      expect((await pool.chg('policy', 'set', 'max-gpus', '1', '--group', name)).status).toBe(0)
      expect((await ann.chg(pool, 'reserve')).status).toBe(0)
      const refused = failureOf(await ann.chg(pool, 'reserve', '--json'))
      expect(refused).toMatchObject({
        code: 'over-limit',
        reason: { source: 'group', name, used: 1, most: 1 },
      })
      expect((await ben.chg(pool, 'reserve', '--gpus', '2')).status).toBe(0)
      for (const args of [
        ['set', 'max-gpus', '9'],
        ['unset', 'max-gpus', '--group', name],
      ]) {
        expect(failureOf(await ann.chg(pool, 'policy', ...args, '--json')).code).toBe('permission-denied')
      }
      await pool.chg('policy', 'set', 'max-gpus', '2', '--account', ann.name)
      expect((await ann.chg(pool, 'reserve')).status).toBe(0)
      expect(await rulesOf(pool)).toContainEqual(
        expect.objectContaining({ rule: 'max-gpus', value: '2', source: 'account', name: ann.name }),
      )
      const own = (await ann.chg(pool, 'policy')).stdout
      expect(own).toMatch(/^max-gpus +1 +group \S+ +overridden /m)
      expect(own).toMatch(/^max-gpus +2 +account \S+ +in force /m)
      expect(own).toEndWith('You: 2 of 2 GPUs held, 0 of 256 requests waiting\n')
      const { changes } = JSON.parse((await ben.chg(pool, 'policy', '--history', '--json')).stdout)
      expect(changes).toMatchObject([
        { by: ownName(), rule: 'max-gpus', source: 'account', name: ann.name, before: null, after: '2' },
        { by: ownName(), rule: 'max-gpus', source: 'group', name, before: null, after: '1' },
        { change: 'set-up' },
      ])
      expect((await ben.chg(pool, 'policy')).stdout).toEndWith(
        'You: 2 GPUs held, 0 of 256 requests waiting\n',
      )
    })

    test(`${mode}: a waiter over its limit delays no other account`, async () => {
      using pool = await makePool(2)
      await pool.chg('policy', 'set', 'max-gpus', '1')
      await ann.chg(pool, 'reserve')
      const waiter = ann.start(pool, 'reserve', '--wait')
      await until('it waits', async () => (await queueOf(pool)).length === 1)
      expect((await ben.chg(pool, 'reserve')).status).toBe(0)
      expect(await queueOf(pool)).toMatchObject([{ reason_code: 'over-limit' }])
      await ann.chg(pool, 'release')
      expect((await finished(waiter)).status).toBe(0)
    })
  }
})
