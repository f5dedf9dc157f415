import { expect, test } from 'bun:test'
import { storedPool } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { sharedPool, userForTests } from '../support/unix-users.ts'

/** Shell words before a command. They run it in a user namespace where the caller is root. */
const AS_ROOT = 'unshare -Ur '
const NESTED = 'unshare -Ur unshare -Ur '

needing('users', 'unshare').describe('in a user’s own user namespace', () => {
  const alice = userForTests('alice')
  const bob = userForTests('bob')

  const holders = (pool: TestPool) =>
    storedPool(pool).reservations.map(({ owner }) => [owner.shownName, owner.account.uid])

  test.each([AS_ROOT, NESTED, 'unshare -U '])('%s: nobody releases the GPUs of others', async (before) => {
    using pool = await sharedPool(3)
    await pool.chg('reserve', '--gpu-ids', '0')
    await bob.chg(pool, 'reserve', '--gpu-ids', '1')
    await bob.chg(pool, 'reserve', '--gpu-ids', '2')
    for (const gpus of ['0', '1', '0-2']) {
      const refused = await alice.sh(pool, `${before}"$CHG" release --gpu-ids ${gpus} --json`)
      expect(refused.stdout).toBe('')
      expect(failureOf(refused)).toMatchObject({
        ...{ code: 'not-yours', status: 1 },
        reason: { code: 'not-yours', gpu_id: Number(gpus[0]) },
      })
    }
    await alice.sh(pool, `${before}"$CHG" release`)
    expect((await alice.sh(pool, `${before}"$CHG" extend 1h`)).status).toBe(1)
    expect(storedPool(pool).reservations).toHaveLength(3)
  })

  test('root there is the user who created the namespace; in a nested namespace uids have no names', async () => {
    using pool = await sharedPool(3)
    await alice.sh(pool, `${AS_ROOT}env USER=root LOGNAME=root SUDO_USER=root "$CHG" reserve`)
    await alice.sh(pool, `${NESTED}"$CHG" reserve`)
    await alice.sh(pool, 'unshare -U "$CHG" reserve')
    expect(holders(pool)).toEqual([
      [alice.name, alice.uid],
      ['uid 0', 0],
      ['uid 65534', 65534],
    ])
    expect((await pool.status()).map(({ account }) => account)).not.toContain('root')
  })

  test('a reservation of a namespace can be changed from there, by its account and by root, not from other namespaces', async () => {
    using pool = await sharedPool(1)
    const { stdout } = await alice.sh(
      pool,
      `${AS_ROOT}sh -c '"$CHG" reserve --short; "$CHG" extend 1h >/dev/null && "$CHG" release'`,
    )
    expect(stdout).toBe('0\nReleased 1 GPU(s): [0]\n')

    await alice.sh(pool, `${AS_ROOT}"$CHG" reserve`)
    expect((await alice.sh(pool, `${AS_ROOT}"$CHG" release --gpu-ids 0`)).status).toBe(1)
    expect((await bob.chg(pool, 'release', '--gpu-ids', '0')).status).toBe(1)
    expect((await alice.chg(pool, 'release')).stdout).toBe('Released 1 GPU(s): [0]\n')

    await alice.sh(pool, `${NESTED}"$CHG" reserve`)
    expect((await pool.chg('release', '--gpu-ids', '0')).stdout).toBe('Released 1 GPU(s): [0]\n')
  })

  test('a forged uid in a nested namespace has no rights over the reservations of the real account', async () => {
    using pool = await sharedPool(1)
    await bob.chg(pool, 'reserve')
    // The outer namespace maps alice to bob's uid, and the inner one bob's uid to 0. Its map shows bob as the uid outside.
    const asBob = `unshare -U --map-user=${bob.uid} --map-group=${bob.uid} unshare -Ur "$CHG"`
    expect(await alice.sh(pool, `${asBob} release --gpu-ids 0`)).toMatchObject({ status: 1, stdout: '' })
    expect((await alice.sh(pool, `${asBob} release`)).stdout).toStartWith('No manually reserved GPUs')
    expect(holders(pool)).toEqual([[bob.name, bob.uid]])
  })

  test('a uid map of several lines', async () => {
    using pool = await sharedPool(1)
    const mapped = `
      unshare -U sh -c 'kill -STOP $$; exec sleep 1000' & outer=$!
      while ! grep -q '^State:.*stopped' /proc/$outer/status; do :; done
      printf '0 1000 1\\n7 ${bob.uid} 1\\n' > /proc/$outer/uid_map; echo '0 0 1' > /proc/$outer/gid_map
      nsenter -U -S 7 -G 0 -t $outer "$CHG" reserve; kill -KILL $outer`
    const { status, stderr } = await pool.sh(
      `chmod 755 .; CHG=$(mktemp); cp ${pool.env.CHG} $CHG; chmod 755 $CHG; ${mapped}; rm $CHG`,
    )
    expect({ status, stderr }).toMatchObject({ stderr: '' })
    expect(holders(pool)).toEqual([[bob.name, bob.uid]])
  })

  test.each([
    ['', false],
    [AS_ROOT, true],
    [NESTED, true],
  ])('%sadmin --force is for root', async (before, isNamespace) => {
    using pool = await sharedPool(2)
    await bob.chg(pool, 'reserve')
    const poolBefore = storedPool(pool)
    for (const options of [
      '--gpus 1 --force',
      '--gpus 1 --force --group root',
      '--memory-threshold 1',
      '--refresh',
      '--refresh',
      '--gpus 1 --force --memory-threshold 1',
    ]) {
      const refused = await alice.sh(pool, `${before}"$CHG" admin ${options} --json`)
      const { code, status, message, hint } = failureOf(refused)
      expect([code, status, refused.stdout]).toEqual(['permission-denied', 1, ''])
      expect(message).toContain(pool.database)
      expect([message.includes('user namespace'), hint?.includes('sudo')]).toEqual([
        isNamespace,
        !isNamespace,
      ])
    }
    const { stderr } = await alice.sh(pool, `${before}"$CHG" admin --gpus 1 --force`)
    expect(stderr).toMatch(/^Error: [^\n]+\n$/)
    expect(storedPool(pool)).toEqual(poolBefore)
  })

  test('a link of a user to a pool of root does not make the user its owner', async () => {
    using pool = await sharedPool(1)
    const refused = await alice.sh(
      pool,
      `cd "$(mktemp -d)"; ln -s ${pool.database} pool.db; "$CHG" admin --gpus 1 --force --store "$PWD/pool.db" --json`,
    )
    expect(failureOf(refused)).toMatchObject({ code: 'permission-denied', status: 1 })
  })

  test('only its owner and root can reset a pool of a user', async () => {
    using pool = await testPool(0)
    await pool.sh('mkdir -m 1777 theirs; chmod 755 .')
    const store = `--store ${pool.folder}/theirs/pool.db`
    expect((await alice.sh(pool, `"$CHG" admin --gpus 2 --provider fake ${store}`)).status).toBe(0)
    expect((await alice.sh(pool, `"$CHG" admin --gpus 2 --force ${store}`)).status).toBe(0)
    expect(failureOf(await bob.sh(pool, `"$CHG" admin --gpus 2 --force ${store} --json`))).toMatchObject({
      ...{ code: 'permission-denied', status: 1 },
      message: expect.stringContaining(`uid ${alice.uid}`),
    })
  })
})
