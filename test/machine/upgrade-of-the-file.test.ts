import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import type { StatusDocument } from '../../src/views/schemas/status.ts'
import { storedPool, withDatabase } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { done, type Installed, installedPool, startBuild, untilSuccessor } from '../support/installed.ts'
import { child } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { type Build, buildPreviousVersion, currentBuild } from '../support/other-builds.ts'
import { type Child, finished } from '../support/pool.ts'
import { hasOpen, isWatching, kill, parentOf, supervisorsOf } from '../support/processes.ts'
import { userForTests } from '../support/unix-users.ts'
import { until } from '../support/until.ts'
import { storedQueue } from '../support/waiters.ts'

/** The upgrade of the previous release's database is safe against any interruption. */

let previous: Build
let current: Build
beforeAll(async () => {
  current = currentBuild()
  previous = await buildPreviousVersion()
}, 60_000)
afterAll(() => {
  previous[Symbol.dispose]()
  current[Symbol.dispose]()
})

/** A pool of the previous release with a usage record and a reservation. */
async function usedPool(): Promise<Installed> {
  const pool = await installedPool(previous, 2)
  await done(pool.typed('reserve'))
  await done(pool.typed('release'))
  await done(pool.typed('reserve', '--gpu-ids', '1', '--note', 'kept'))
  return pool
}

const SOUND = 'is sound: 2 GPUs, 1 reservation, 0 waiting, 1 usage record'

/** The versions of the tables and of the stored pool document. */
function versionsOf(pool: Installed): { readonly tables: number; readonly document: number } {
  const versions = withDatabase(pool, (db) =>
    db
      .query<{ tables: number; document: number }, []>(
        "SELECT user_version AS tables, document ->> 'version' AS document FROM pool, pragma_user_version",
      )
      .get(),
  )
  if (versions === null) throw new Error('there is no pool')
  return versions
}

const OLD = { tables: 3, document: 1 }

/** Starts a command that gets a signal at its nth write to the log. Most of its writes belong to the upgrade. */
function atWrite(
  nth: number,
  signal: NodeJS.Signals,
  build: Build,
  pool: Installed,
  ...args: string[]
): Child {
  const filter = ['-P', `${pool.database}-wal`, '-e', 'trace=pwrite64']
  const injection = ['-e', `inject=pwrite64:signal=${signal}:when=${nth}`]
  const strace = { binary: 'strace' }
  return startBuild(
    strace,
    pool,
    '-f',
    '-o',
    traceOf(pool, nth),
    ...filter,
    ...injection,
    build.binary,
    ...args,
  )
}

const traceOf = (pool: Installed, nth: number) => `${pool.folder}/trace-${nth}`

const by = (build: Build, pool: Installed, ...args: string[]) => finished(startBuild(build, pool, ...args))

const withStrace = needing('strace')

withStrace.test(
  'kill -9 at any write of the upgrade leaves the old or the new pool, never a mixture',
  async () => {
    using pool = await usedPool()
    await pool.sh('cp -a pool before')
    const found = new Set<string>()
    for (let nth = 1; ; nth++) {
      rmSync(`${pool.folder}/pool`, { recursive: true })
      await pool.sh('cp -a before pool')
      const upgrade = atWrite(nth, 'SIGKILL', current, pool, 'status')
      const { status } = await finished(upgrade)
      expect(await done(by(current, pool, 'admin', '--check'))).toContain(SOUND)
      const versions = versionsOf(pool)
      found.add(JSON.stringify(versions))
      if (status === 0) break
      expect(upgrade.signalCode).toBe('SIGKILL')
      // An interrupted upgrade has no effect: the previous version continues.
      if (versions.document === 1) expect(await done(by(previous, pool, 'release'))).toContain('[1]')
      else expect(await done(by(current, pool, 'release'))).toContain('[1]')
    }
    expect(found.size).toBe(2)
    expect(found).toContain(JSON.stringify(OLD))
  },
)

for (const signal of ['SIGCONT', 'SIGKILL'] as const) {
  withStrace.test(
    `the upgrade waits for a writer of the previous version, which then gets ${signal}`,
    async () => {
      using pool = await usedPool()
      const writer = atWrite(1, 'SIGSTOP', previous, pool, 'reserve', '--gpu-ids', '0')
      await until('it stops within its transaction', () =>
        readIfThere(traceOf(pool, 1)).includes('stopped by'),
      )
      const [pid = 0] = childrenOf(writer.pid)
      const late = await by(current, pool, 'reserve', '--gpu-ids', '1', '--wait', '1s', '--json')
      expect(failureOf(late)).toMatchObject({
        ...{ code: 'wait-timed-out', status: 75 },
        message: expect.stringContaining(`process ${pid}`),
      })
      expect(versionsOf(pool)).toEqual(OLD)
      const upgrade = startBuild(current, pool, 'status', '--json')
      await until('it has opened the pool', () => hasOpen(upgrade.pid, pool.database))
      kill(pid, signal)
      const { status } = await finished(writer)
      const gpus: readonly StatusDocument[] = JSON.parse(await done(finished(upgrade)))
      const isGranted = signal === 'SIGCONT'
      expect(status === 0).toBe(isGranted)
      expect(gpus.map((gpu) => gpu.status)).toEqual([isGranted ? 'IN_USE' : 'AVAILABLE', 'IN_USE'])
      expect(versionsOf(pool)).not.toEqual(OLD)
      expect(await done(by(current, pool, 'admin', '--check'))).toContain('is sound')
    },
  )
}

test('--check does not change a pool of the previous version or its back-up, and a restored back-up is upgraded', async () => {
  using pool = await usedPool()
  const backup = `${pool.folder}/backup/pool.db`
  mkdirSync(`${pool.folder}/backup`)
  withDatabase(pool, (db) => db.run(`VACUUM INTO '${backup}'`))
  chmodSync(backup, 0o666)
  const before = [filesIn(`${pool.folder}/pool`), filesIn(`${pool.folder}/backup`)]
  expect(await done(by(current, pool, 'admin', '--check'))).toContain(SOUND)
  // The back-up lacks the log, which other users need.
  const { stdout } = await by(current, pool, 'admin', '--check', '--store', backup, '--json')
  expect(JSON.parse(stdout).problems.map(({ kind }: { kind: string }) => kind)).toEqual(['access', 'access'])
  expect([filesIn(`${pool.folder}/pool`), filesIn(`${pool.folder}/backup`)]).toEqual(before)
  expect(await done(pool.typed('status'))).toContain('GPU 1: IN USE')
  await pool.sh('cp -a backup older')
  expect(await done(by(current, pool, 'status', '--store', backup))).toContain(' - kept [')
  // The previous version still works with a copy that was not upgraded.
  const older = `${pool.folder}/older/pool.db`
  expect(await done(by(previous, pool, 'status', '--store', older))).toContain('- kept\n')
})

const withUsers = needing('users')

withUsers.describe('a user who may only read the pool', () => {
  const reader = userForTests('reader')
  test('gets an error with a remedy, and can read the pool after another user has upgraded it', async () => {
    using pool = await usedPool()
    for (const file of ['', '-wal', '-shm']) chmodSync(`${pool.database}${file}`, 0o644)
    expect(await reader.sh(pool, `exec ${previous.binary} status`)).toMatchObject({ status: 0, stderr: '' })
    pool.install(current)
    const status = await reader.sh(pool, `exec ${pool.program} status --json`)
    expect(status.stdout).toBe('')
    expect(failureOf(status)).toMatchObject({
      ...{ code: 'store-too-old', status: 1 },
      ...{ message: expect.stringContaining(pool.database), hint: expect.stringContaining('sudo canhazgpu') },
    })
    expect(await reader.sh(pool, `exec ${previous.binary} status`)).toMatchObject({ status: 0, stderr: '' })
    await done(pool.typed('status'))
    expect(await reader.sh(pool, `exec ${pool.program} status`)).toMatchObject({ status: 0, stderr: '' })
  })
})

withStrace.test('many processes of both versions run during the upgrade', async () => {
  using pool = await installedPool(previous, 2)
  await done(pool.typed('reserve', '--gpu-ids', '0'))
  const job = finished(pool.begin('run', '--', child('forever')))
  const supervisor = await until('the job is watched', () => supervisorsOf(pool).find(isWatching) ?? null)
  const waiters = Array.from({ length: 20 }, () => pool.begin('reserve', '--wait', '1h', '--short'))
  const before = await until('all wait', () =>
    storedQueue(pool).length === waiters.length ? storedQueue(pool) : null,
  )

  pool.install(current)
  const killed = [1, 3, 5, 7].map((nth) => finished(atWrite(nth, 'SIGKILL', current, pool, 'queue')))
  const late = Array.from({ length: 5 }, () => by(previous, pool, 'status', '--json'))
  const commands = Array.from({ length: 20 }, (_, at) => pool.typed(at % 2 === 0 ? 'status' : 'report'))
  for (const { status, stderr } of await Promise.all(commands)) expect([status, stderr]).toEqual([0, ''])
  for (const command of await Promise.all(late)) {
    if (command.status !== 0) expect(failureOf(command).code).toBe('store-too-new')
  }
  await Promise.all(killed)

  await Promise.all(waiters.map(({ pid }) => untilSuccessor(pid)))
  await until(
    'the supervisor is of the current build',
    () => readlinkSync(`/proc/${supervisor}/exe`) === pool.program,
  )
  const after = storedQueue(pool)
  expect(after.map(({ id, process }) => [id, process])).toEqual(
    before.map(({ id, process }) => [id, process]),
  )
  expect(await done(pool.typed('admin', '--check'))).toContain('is sound: 2 GPUs, 2 reservations, 20 waiting')
  await done(pool.typed('release'))
  const first = waiters.find(({ pid }) => pid === before[0]?.process.pid)
  expect(await first?.exited).toBe(0)
  expect(storedQueue(pool).map(({ id }) => id)).toEqual(before.slice(1).map(({ id }) => id))
  kill(
    storedPool(pool).reservations.flatMap(({ term }) => (term.kind === 'run' ? [term.process.pid] : []))[0] ??
      0,
    'SIGTERM',
  )
  expect((await job).stderr).toBe('Reserved 1 GPU(s): [1] for command execution\n')
})

/** The names of all files in a folder, with a hash of the content. */
const filesIn = (folder: string) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => [name, Bun.hash(readFileSync(`${folder}/${name}`))])
    .sort()

const readIfThere = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '')

const childrenOf = (parent: number) =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && parentOf(pid) === parent)
