import { describe, expect, test } from 'bun:test'
import { storedPool } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { kill } from '../support/processes.ts'
import { sharedPool, userForTests } from '../support/unix-users.ts'
import { until } from '../support/until.ts'
import { storedQueue } from '../support/waiters.ts'

needing('users').describe('two accounts', () => {
  const alice = userForTests('alice')
  const bob = userForTests('bob')

  test('a shown name changes neither ownership nor rights', async () => {
    using pool = await sharedPool(2)
    await alice.chg(pool, 'reserve', '--user', bob.name)
    expect((await bob.chg(pool, 'status')).stdout).toContain(`IN USE by ${bob.name} (${alice.name}) for`)
    expect((await pool.status())[0]).toMatchObject({ user: bob.name, account: alice.name })
    expect((await bob.chg(pool, 'release')).stdout).toBe('No manually reserved GPUs found for current user\n')
    expect((await bob.chg(pool, 'extend', '1h')).status).toBe(1)
    expect(failureOf(await bob.chg(pool, 'release', '--gpu-ids', '0', '--json'))).toMatchObject({
      ...{ code: 'not-yours', status: 1 },
      reason: { code: 'not-yours', gpu_id: 0, user: `${bob.name} (${alice.name})`, requested: [0] },
    })
    expect(JSON.parse((await bob.chg(pool, 'status', '--mine', '--json')).stdout)).toEqual([])
    expect((await alice.chg(pool, 'release')).stdout).toBe('Released 1 GPU(s): [0]\n')
  })

  test('only the administrator releases another account’s GPU', async () => {
    using pool = await sharedPool(2)
    await alice.chg(pool, 'reserve')
    await bob.chg(pool, 'reserve')
    const refused = await bob.chg(pool, 'release', '--gpu-ids', '0-1', '--json')
    expect(refused.stdout).toBe('')
    expect(failureOf(refused)).toMatchObject({
      ...{ code: 'not-yours', status: 1 },
      reason: { code: 'not-yours', gpu_id: 0, user: alice.name, requested: [0, 1] },
    })
    expect(storedPool(pool).reservations).toHaveLength(2)
    expect((await pool.chg('release', '--gpu-ids', '0')).stdout).toBe('Released 1 GPU(s): [0]\n')
  })

  test('both accounts see one queue, and start in its order', async () => {
    using pool = await sharedPool(1)
    await pool.chg('reserve')
    const first = alice.start(pool, 'reserve', '--wait', '--short')
    await until('alice is in the queue', () => storedQueue(pool).length === 1)
    const second = bob.start(pool, 'run', '--wait', '--', 'true')
    await until('bob is in the queue', () => storedQueue(pool).length === 2)
    const { stdout } = await bob.chg(pool, 'queue')
    expect(stdout.split('\n').map((row) => row.split(/ +/)[1])).toEqual([
      'USER',
      alice.name,
      bob.name,
      undefined,
    ])
    await pool.chg('release')
    expect(await new Response(first.stdout).text()).toBe('0\n')
    await alice.chg(pool, 'release')
    expect(await second.exited).toBe(0)
  })

  test('an account’s dead waiter is removed by the other’s next command', async () => {
    using pool = await sharedPool(1)
    await pool.chg('reserve')
    const waiter = alice.start(pool, 'run', '--wait', '--', 'true')
    await until('alice is in the queue', () => storedQueue(pool).length === 1)
    kill(storedQueue(pool)[0]?.process.pid ?? 0, 'SIGKILL')
    await waiter.exited
    expect((await bob.chg(pool, 'queue')).stdout).toBe('Nobody is waiting\n')
  })

  describe('reserve --claim', () => {
    /** GPU 0: alice's process. GPU 1: bob's. GPU 2: both. GPU 3: idle. GPU 4: alice's, with little memory. */
    async function usedPool() {
      const pool = await sharedPool(5)
      const [ofAlice, ofBob] = [alice, bob].map((user) => {
        const { pid } = user.start(pool, 'run', '--', 'sleep', '1000')
        return { pid, memory_mb: 5000 }
      })
      // The GPUs are released because only the processes and their owners matter here.
      await until('both run', () => storedPool(pool).reservations.length === 2)
      await pool.chg('release', '--gpu-ids', '0-4')
      if (ofAlice === undefined || ofBob === undefined) throw new Error('two processes')
      pool.setFakeDriver({
        gpus: {
          0: { processes: [ofAlice] },
          1: { processes: [ofBob] },
          2: { processes: [ofAlice, ofBob] },
          4: { processes: [{ ...ofAlice, memory_mb: 100 }] },
        },
      })
      return pool
    }

    test('takes all GPUs that only the account’s own processes use', async () => {
      using pool = await usedPool()
      expect((await alice.chg(pool, 'reserve', '--claim', '--short')).stdout).toBe('0,4\n')
      expect((await bob.chg(pool, 'reserve', '--claim', '--short')).stdout).toBe('1\n')
      expect((await bob.chg(pool, 'reserve', '--claim')).status).toBe(1)
      expect((await pool.status()).map(({ status }) => status).join(' ')).toBe(
        'IN_USE IN_USE UNRESERVED AVAILABLE IN_USE',
      )
    })

    test('takes the given number of them, never an idle one instead', async () => {
      using pool = await usedPool()
      expect(failureOf(await alice.chg(pool, 'reserve', '--claim', '--gpus', '3', '--json'))).toMatchObject({
        reason: { code: 'nothing-to-claim', claimable: 2 },
      })
      expect((await alice.chg(pool, 'reserve', '--claim', '--gpus', '1', '--short')).stdout).toBe('0\n')
    })

    test('takes the given ids, never GPUs of others or shared with others', async () => {
      using pool = await usedPool()
      for (const gpu of ['1', '2', '0-2']) {
        const refused = await alice.chg(pool, 'reserve', '--claim', '--gpu-ids', gpu)
        expect(refused).toMatchObject({ status: 75, stdout: '' })
      }
      expect((await alice.chg(pool, 'reserve', '--claim', '-G', '0', '--short')).stdout).toBe('0\n')
      expect((await alice.chg(pool, 'reserve', '-G', '2')).status).toBe(75)
    })

    test('does not wait', async () => {
      using pool = await usedPool()
      expect((await alice.chg(pool, 'reserve', '--claim', '--wait')).status).toBe(2)
    })
  })
})
