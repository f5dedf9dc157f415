import { expect, test } from 'bun:test'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { currentMoment } from '../../src/adapters/kernel/clock.ts'
import { type DaemonPool, daemonPool } from '../support/daemon.ts'
import { storedHistory, storedPool, withDatabase } from '../support/database.ts'
import { failureOf, onlyFailureOf } from '../support/failure.ts'
import { untilAllFree } from '../support/job.ts'
import { kill, stoppersOf } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { hold, storedQueue, untilServed, wait, waitToRun } from '../support/waiters.ts'

const queued = async (pool: DaemonPool): Promise<readonly string[]> =>
  JSON.parse((await pool.chg('queue', '--json')).stdout).map((place: { note: string }) => place.note)

test('waiters keep their order through two restarts and an outage of more than five seconds', async () => {
  using pool = await daemonPool(1)
  await hold(pool)
  const first = await waitToRun(pool, '--note', 'first')
  const second = await waitToRun(pool, '--note', 'second')
  const entries = storedQueue(pool)
  await pool.killDaemon()
  expect(failureOf(await pool.chg('status', '--json')).code).toBe('daemon-unavailable')
  for (const each of [first, second]) {
    await until('it is told', () => each.stderr().includes('Warning: The daemon has not answered since'))
  }
  for (let restarts = 0; restarts < 2; restarts++) {
    await pool.restart()
    expect(await queued(pool)).toEqual(['first', 'second'])
    await pool.killDaemon()
  }
  await pool.restart()
  expect(storedQueue(pool)).toEqual(entries)
  await pool.chg('release')
  expect(await untilServed(pool, first)).toEqual([0])
  expect(second.process.exitCode).toBeNull()
  kill(first.pid, 'SIGKILL')
  expect(await untilServed(pool, second)).toEqual([0])
})

test('SIGTERM ends the daemon and removes its socket; waiters keep their entries', async () => {
  using pool = await daemonPool(1)
  await hold(pool)
  const waiter = await wait(pool, 'reserve', '--wait')
  const entries = storedQueue(pool)
  pool.daemon().kill('SIGTERM')
  expect(await pool.daemon().exited).toBe(0)
  expect(existsSync(pool.socket)).toBe(false)
  expect(storedQueue(pool)).toEqual(entries)
  await pool.restart()
  await pool.chg('release')
  expect(await waiter.ended()).toBe(0)
  expect(storedPool(pool).reservations.map(({ id }) => id)).toEqual([waiter.id])
})

test('a daemon serves a restored backup without a write-ahead log', async () => {
  using pool = await daemonPool(1)
  await hold(pool)
  const backup = `${pool.folder}/backup`
  withDatabase(pool, (db) => db.run(`VACUUM INTO '${backup}'`))
  await pool.chg('release')
  await pool.killDaemon()
  rmSync(dirname(pool.database), { recursive: true })
  mkdirSync(dirname(pool.database), { mode: 0o700 })
  copyFileSync(backup, pool.database)
  await pool.restart()
  expect((await pool.status()).map(({ status }) => status)).toEqual(['IN_USE'])
  expect((await pool.chg('release')).status).toBe(0)
})

test('a second daemon on the same pool or socket is refused, and the first one serves on', async () => {
  using pool = await daemonPool(1)
  const places = [
    ['--socket', `${pool.folder}/other.sock`, '--pool', pool.database],
    ['--socket', pool.socket, '--pool', `${pool.folder}/other/pool.db`],
  ]
  for (const place of places) {
    expect(onlyFailureOf(await pool.chg('daemon', '--json', ...place))).toMatchObject({
      code: 'store-busy',
      status: 1,
    })
    expect(await pool.status()).toHaveLength(1)
  }
})

test('a stopped daemon: a command waits for five seconds, and a waiter until it continues', async () => {
  using pool = await daemonPool(1)
  await hold(pool)
  const waiter = await wait(pool, 'reserve', '--wait')
  pool.daemon().kill('SIGSTOP')
  expect(failureOf(await pool.chg('status', '--json'))).toMatchObject({
    code: 'daemon-unavailable',
    status: 75,
  })
  pool.daemon().kill('SIGCONT')
  await pool.chg('release')
  expect(await waiter.ended()).toBe(0)
})

/** Appends a line to its log for each SIGINT, and does not end. */
const COUNTS_SIGINT = 'trap "echo interrupted >> $0" INT; echo started > $0; while :; do sleep 0.05; done'
const GRACE_S = 4

test.concurrent.each([
  ['lives on', () => []],
  ['is killed too', stoppersOf],
] as const)(
  'a daemon is killed while it stops a job, and the stopper %s: the job gets one SIGINT, and SIGKILL in time',
  async (_, alsoKilled) => {
    using pool = await daemonPool(1)
    const log = `${pool.folder}/log`
    const job = pool.start(
      ...['run', '--timeout', '1s', '--grace', `${GRACE_S}s`, '--', 'sh', '-c', COUNTS_SIGINT, log],
    )
    await until(
      'the job is interrupted',
      () => existsSync(log) && readFileSync(log, 'utf8').includes('interrupted'),
    )
    const [file = ''] = readdirSync(`${pool.folder}/own/stops`)
    const interruptedAt = Number(readFileSync(`${pool.folder}/own/stops/${file}`, 'utf8'))
    const others = alsoKilled(pool)
    await pool.killDaemon()
    for (const pid of others) kill(pid, 'SIGKILL')
    await until('half of the grace period has passed', () => now() > interruptedAt + GRACE_S * 500)
    await pool.restart()
    const restartedAt = now()
    await job.exited
    const endedAt = now()
    expect(job.signalCode).toBe('SIGKILL')
    expect(readFileSync(log, 'utf8')).toBe('started\ninterrupted\n')
    expect(endedAt).toBeGreaterThanOrEqual(interruptedAt + GRACE_S * 1000)
    // A new grace period would begin at the restart.
    expect(endedAt).toBeLessThan(restartedAt + GRACE_S * 1000)
    await untilAllFree(pool)
    expect(storedHistory(pool)).toMatchObject([{ kind: 'run', outcome: 'timed-out' }])
    await until('the stop file is removed', () => readdirSync(`${pool.folder}/own/stops`).length === 0)
  },
)

const now = (): number => currentMoment().steady.ms
