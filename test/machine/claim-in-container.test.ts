import { expect, test } from 'bun:test'
import { inContainer } from '../support/container.ts'
import { storedPool } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'

/** A process of another user on GPU 0, with the driver's pid. */
async function usedByAnother(pool: TestPool) {
  const command = 'echo ready; read forever'
  const child = Bun.spawn(['setpriv', '--reuid', '5555', '--clear-groups', 'sh', '-c', command], {
    stdin: 'pipe',
    stdout: 'pipe',
  })
  await child.stdout.getReader().read()
  pool.setFakeDriver({ gpus: { 0: { processes: [{ pid: child.pid, memory_mb: 5000 }] } } })
  return { pid: child.pid, [Symbol.dispose]: () => child.kill('SIGKILL') }
}

/** Shell commands that start a process of ours which has the driver's pid in this pid namespace. */
const collide = (pid: number) => `
  while [ "$own" != ${pid} ]; do
    echo ${pid - 1} > /proc/sys/kernel/ns_last_pid; sleep 1000 & own=$!
  done`

needing('containers', 'first pid namespace').describe('the driver reports pids of the host', () => {
  test('a pid that belongs to our own process in a container is not claimed there', async () => {
    using pool = await testPool(1)
    using other = await usedByAnother(pool)
    for (const options of ['', '--gpus 1', '--gpu-ids 0']) {
      const refused = await inContainer(
        pool,
        `${collide(other.pid)}; "$CHG" reserve --claim ${options} --json`,
      )
      expect(refused.stdout).toBe('')
      expect(failureOf(refused)).toMatchObject({
        ...{ status: 1, hint: expect.stringContaining('host') },
        reason: { code: 'owners-unknown' },
      })
    }
    expect(storedPool(pool).reservations).toEqual([])
  })

  test('name, command and owner of our process are not shown for such a pid', async () => {
    using pool = await testPool(1)
    using other = await usedByAnother(pool)
    const { stdout } = await inContainer(pool, `${collide(other.pid)}; "$CHG" status --json`)
    const [gpu] = JSON.parse(stdout)
    expect(gpu).toMatchObject({ status: 'UNRESERVED', unreserved_users: [] })
    expect(gpu.processes).toEqual([{ pid: other.pid, name: 'unknown', memory_mb: 5000 }])
  })

  test('nothing is claimed or shown in another pid namespace with the /proc of the host', async () => {
    using pool = await testPool(1)
    using other = await usedByAnother(pool)
    const own = ['--pid', '--fork', '--kill-child']
    expect((await inContainer(pool, '"$CHG" reserve --claim', own)).status).toBe(1)
    const { stdout } = await inContainer(pool, '"$CHG" status --json', own)
    expect(JSON.parse(stdout)[0].processes).toEqual([{ pid: other.pid, name: 'unknown', memory_mb: 5000 }])
  })
})

needing('users', 'mounts').test('a process that hidepid hides may belong to any account', async () => {
  using pool = await testPool(1)
  using other = await usedByAnother(pool)
  await pool.sh('chmod 755 .')
  const refused = await pool.sh(
    `unshare -m sh -c 'mount -t proc -o hidepid=2 proc /proc; exec setpriv --reuid 5556 --regid 5556 --clear-groups "$CHG" reserve --claim --json'`,
  )
  expect(failureOf(refused)).toMatchObject({
    ...{ status: 1, hint: expect.stringContaining(String(other.pid)) },
    reason: { code: 'nothing-to-claim', hidden_pid: other.pid },
  })
})
