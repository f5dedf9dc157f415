import { expect, test } from 'bun:test'
import { daemonPool } from '../support/daemon.ts'
import { changeStoredPool, storedHistory, storedPool } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { startForever, untilAllFree } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { buildNewerVersion } from '../support/other-builds.ts'
import { finished } from '../support/pool.ts'
import { kill } from '../support/processes.ts'
import { beforeReboot } from '../support/reboot.ts'
import { until } from '../support/until.ts'
import { hold, storedQueue, wait } from '../support/waiters.ts'

test('a reboot ends a run at its last heartbeat', async () => {
  using pool = await daemonPool(1)
  await startForever(pool)
  await pool.killDaemon()
  const heartbeatAt = Date.now() - 5_000
  changeStoredPool(pool, (document) => beforeReboot(document, heartbeatAt))
  await pool.restart()
  await untilAllFree(pool)
  expect(storedHistory(pool)).toMatchObject([{ outcome: 'vanished', ended_at: heartbeatAt }])
})

test('a newer version replaces the daemon: jobs go on, waiters keep their places, and the older one is refused', async () => {
  using pool = await daemonPool(1)
  using newer = buildNewerVersion()
  const job = await startForever(pool)
  const waiter = await wait(pool, 'reserve', '--wait')
  const entries = storedQueue(pool)
  pool.daemon().kill('SIGTERM')
  await pool.daemon().exited
  await pool.restart(newer.binary)
  expect(storedQueue(pool)).toEqual(entries)
  await pool.killDaemon()
  const older = await pool.chg('daemon', '--json', '--socket', pool.socket, '--pool', pool.database)
  expect(failureOf(older)).toMatchObject({ code: 'store-too-new', status: 1 })
  await pool.restart(newer.binary)
  expect(job.process.exitCode).toBeNull()
  kill(job.pid, 'SIGKILL')
  expect(await waiter.ended()).toBe(0)
  expect(storedPool(pool).reservations.map(({ id }) => id)).toEqual([waiter.id])
})

needing('mounts').test('a full disk: views work, changes are refused, and it heals', async () => {
  using pool = await daemonPool(0)
  const disk = `${pool.folder}/own`
  await pool.killDaemon()
  await pool.sh(`mount -t tmpfs -o size=512k,mode=700 tmpfs '${disk}'`)
  try {
    await pool.restart()
    await pool.chg('admin', '--gpus', '3', '--provider', 'fake')
    const job = await startForever(pool, '--gpu-ids', '0')
    await hold(pool, '--gpu-ids', '1')
    const waiter = await wait(pool, 'run', '--wait', '--gpu-ids', '1', '--', 'true')
    const held = async () => (await pool.status()).slice(0, 2).map(({ status }) => status === 'IN_USE')
    await pool.sh(`dd if=/dev/zero of='${disk}/ballast' bs=1k count=4096`)
    // Fills the remaining space in the log of the database.
    const refused = await until('the disk is full', async () => {
      const reserved = await pool.chg('reserve', '--gpu-ids', '2', '--json')
      if (reserved.status !== 0) return reserved
      const released = await pool.chg('release', '--gpu-ids', '2', '--json')
      return released.status === 0 ? null : released
    })
    expect(failureOf(refused)).toMatchObject({ code: 'store-unavailable', status: 1 })
    // It starts on a full disk too.
    await pool.killDaemon()
    await pool.restart()
    expect(await held()).toEqual([true, true])
    kill(job.pid, 'SIGKILL')
    await job.process.exited
    expect(await held()).toEqual([false, true])
    const seenAt = Date.now()
    expect((await pool.chg('queue', '--json')).status).toBe(0)
    await pool.sh(`rm '${disk}/ballast'`)
    await pool.chg('release')
    expect(await waiter.ended()).toBe(0)
    await until('the end of the run is recorded', () =>
      storedHistory(pool).some(({ gpu, kind }) => gpu === 0 && kind === 'run'),
    )
    const [run] = storedHistory(pool).filter(({ gpu, kind }) => gpu === 0 && kind === 'run')
    expect(run?.outcome).toBe('exited')
    expect(run?.ended_at).toBeLessThanOrEqual(seenAt)
  } finally {
    await pool.killDaemon()
    await pool.sh(`umount -l '${disk}'`)
  }
})

test('kill -9 between a grant and its answer: every client gets one grant, and nothing stays reserved', async () => {
  using pool = await daemonPool(4)
  await hold(pool, '--gpus', '4')
  const clients = Array.from({ length: 24 }, (_, nth) =>
    finished(pool.start('run', '--wait', '--note', `n${nth}`, '--', 'sleep', '0.02')),
  )
  const all = Promise.all(clients)
  // A client that no daemon has received gives up after five seconds.
  await until('all are in the queue', () => storedQueue(pool).length === clients.length)
  await pool.chg('release')
  let haveEnded = false
  void all.then(() => {
    haveEnded = true
  })
  while (!haveEnded) {
    const granted = storedHistory(pool).length + storedPool(pool).reservations.length
    // The next grant has just been committed.
    await until('a grant is committed', () => {
      if (haveEnded) return true
      return storedHistory(pool).length + storedPool(pool).reservations.length > granted
    })
    await pool.killDaemon()
    await pool.restart()
  }
  const ended = await all
  expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 0))
  await untilAllFree(pool)
  expect(storedHistory(pool).filter(({ kind }) => kind === 'run')).toHaveLength(ended.length)
}, 120_000)
