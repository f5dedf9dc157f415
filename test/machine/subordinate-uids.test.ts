import { beforeAll, expect, test } from 'bun:test'
import { daemonPool } from '../support/daemon.ts'
import { storedHistory, storedPool } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { type Child, type Finished, finished, type TestPool } from '../support/pool.ts'
import { newGroup, userForTests } from '../support/unix-users.ts'
import { until } from '../support/until.ts'

needing('users').describe('subordinate uids through the daemon', () => {
  const alice = userForTests('alice')
  const bob = userForTests('bob')
  /** The first of the subordinate uids that are given to alice; bob has the same range in part. */
  const first = () => 1_000_000_000 + 1_000 * alice.uid
  const shared = () => first() + 900

  beforeAll(() => {
    for (const [name, from] of [
      [alice.name, first()],
      [bob.name, shared()],
    ] as const) {
      Bun.spawnSync(['usermod', '--add-subuids', `${from}-${first() + 999}`, name])
    }
  })

  const start = (uid: number, pool: TestPool, script: string): Child =>
    Bun.spawn(['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'sh', '-c', script], {
      ...{ env: { ...pool.env, CHG: alice.executable }, cwd: '/' },
      ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    })
  const by = (uid: number, pool: TestPool, script: string) => finished(start(uid, pool, script))

  const holders = (pool: TestPool) =>
    storedPool(pool).reservations.map(({ owner }) => [owner.account.uid, owner.shownName])

  async function sharedDaemonPool(gpus: number) {
    const pool = await daemonPool(gpus)
    await pool.sh('chmod 755 .')
    return pool
  }

  test('count for the limits of their account, and act as it', async () => {
    using pool = await sharedDaemonPool(4)
    await pool.chg('policy', 'set', 'max-gpus', '2')
    await alice.chg(pool, 'reserve', '--gpu-ids', '0')
    expect((await by(first(), pool, '"$CHG" reserve --gpu-ids 1')).status).toBe(0)
    expect(holders(pool)).toEqual(Array(2).fill([alice.uid, alice.name]))
    for (const uid of [first(), first() + 1, first() + 899]) {
      expect(failureOf(await by(uid, pool, '"$CHG" reserve --json'))).toMatchObject({
        reason: { code: 'over-limit' },
      })
    }
    expect((await by(first() + 7, pool, '"$CHG" release')).stdout).toBe('Released 2 GPU(s): [0, 1]\n')
    expect((await by(first() + 7, pool, '"$CHG" reserve --gpu-ids 3')).status).toBe(0)
    expect((await alice.chg(pool, 'release')).stdout).toBe('Released 1 GPU(s): [3]\n')
    expect(storedHistory(pool).map(({ uid }) => uid)).toEqual(Array(3).fill(alice.uid))
  })

  test('have the limits of the groups of their account, and no rights of an administrator', async () => {
    using pool = await sharedDaemonPool(2)
    const group = newGroup()
    try {
      Bun.spawnSync(['usermod', '--append', '--groups', group.name, alice.name])
      await pool.chg('policy', 'set', 'max-gpus', '1', '--group', group.name)
      expect((await by(first(), pool, '"$CHG" reserve')).status).toBe(0)
      expect(failureOf(await by(first(), pool, '"$CHG" reserve --json'))).toMatchObject({
        reason: { code: 'over-limit' },
      })
      expect(failureOf(await by(first(), pool, '"$CHG" drain 0 --json')).code).toBe('permission-denied')
      // In a rootless container a process drops the groups of its account.
      expect(failureOf(await by(alice.uid, pool, '"$CHG" reserve --json'))).toMatchObject({
        reason: { code: 'over-limit' },
      })
    } finally {
      Bun.spawnSync(['gpasswd', '--delete', alice.name, group.name])
      group.remove()
    }
  })

  test('a uid of two accounts, or of none, is an account of its own', async () => {
    using pool = await sharedDaemonPool(2)
    await alice.chg(pool, 'reserve')
    for (const uid of [shared(), first() - 1]) {
      expect((await by(uid, pool, '"$CHG" release')).stdout).toStartWith('No manually reserved GPUs')
      await by(uid, pool, '"$CHG" reserve')
      expect(holders(pool)[1]).toEqual([uid, `uid ${uid}`])
      await by(uid, pool, '"$CHG" release')
    }
  })

  needing('first pid namespace').test('their processes on a GPU are those of their account', async () => {
    using pool = await sharedDaemonPool(2)
    const process = start(first(), pool, 'exec sleep 1000')
    pool.setFakeDriver({ gpus: { 1: { processes: [{ pid: process.pid, memory_mb: 5000 }] } } })
    expect(await pool.status()).toMatchObject([{}, { processes: [{ user: alice.name }] }])
    expect((await bob.chg(pool, 'reserve', '--claim')).status).toBe(1)
    expect((await alice.chg(pool, 'reserve', '--claim', '--short')).stdout).toBe('1\n')
    process.kill()
  })

  needing('user namespaces', 'nsenter').describe('in a rootless container', () => {
    /** Runs a script as an ordinary user of a container that alice started. */
    const inContainer = (pool: TestPool, script: string): Promise<Finished> => {
      const map = `0 ${alice.uid} 1\\n1 ${first()} 899\\n`
      return pool.sh(`
        setpriv --reuid=${alice.uid} --regid=${alice.uid} --clear-groups unshare -U sleep 1000 & outer=$!
        until [ "$(readlink /proc/$outer/ns/user)" != "$(readlink /proc/$$/ns/user)" ]; do :; done
        printf '${map}' > /proc/$outer/uid_map; printf '${map}' > /proc/$outer/gid_map
        export CHG=${alice.executable}
        nsenter -U -S 500 -G 500 -t $outer sh -c '${script}'; status=$?
        kill -KILL $outer; exit $status`)
    }

    test('a time limit ends a job, with its messages', async () => {
      using pool = await sharedDaemonPool(1)
      const job = 'sh -c "trap : INT; sleep 1000 & while :; do wait; done"'
      const ended = await inContainer(pool, `exec "$CHG" run --timeout 1s --grace 1s -- ${job}`)
      expect(ended).toMatchObject({ status: 137, stderr: expect.stringContaining('SIGINT') })
      const [run] = await until('the run is recorded', () =>
        storedHistory(pool).length > 0 ? storedHistory(pool) : null,
      )
      expect(run).toMatchObject({ uid: alice.uid, kind: 'run', outcome: 'timed-out' })
    })

    test('what the account holds is mine', async () => {
      using pool = await sharedDaemonPool(2)
      await alice.chg(pool, 'reserve')
      await pool.chg('reserve')
      const { stdout } = await inContainer(pool, '"$CHG" status --mine --json')
      expect(JSON.parse(stdout)).toMatchObject([{ gpu_id: 0, account: alice.name }])
    })
  })
})
