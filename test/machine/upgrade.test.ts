import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readlinkSync, rmSync, symlinkSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { currentMoment } from '../../src/adapters/kernel/clock.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { storedHistory, storedPool } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { done, type Installed, installedPool, startBuild, untilSuccessor } from '../support/installed.ts'
import { child, STARTED_WITH_LIMIT } from '../support/job.ts'
import { type Build, buildNewerVersion, currentBuild } from '../support/other-builds.ts'
import { type Child, finished, type TestPool, testPool } from '../support/pool.ts'
import { isWatching, kill, supervisorsOf } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { storedQueue } from '../support/waiters.ts'
import { served } from '../web/web-server.ts'

/** A newer version, a real build of these sources, upgrades the pool while processes of this version run. */

let current: Build
let newer: Build
beforeAll(() => {
  current = currentBuild()
  newer = buildNewerVersion()
}, 60_000)
afterAll(() => {
  newer[Symbol.dispose]()
  current[Symbol.dispose]()
})

/** A pool whose only GPU is reserved. */
async function takenPool(): Promise<Installed> {
  const pool = await installedPool(current, 1)
  await done(pool.typed('reserve'))
  return pool
}

/** Runs a command of the newer version. */
const byNewer = (pool: TestPool, ...args: string[]) => done(finished(startBuild(newer, pool, ...args)))

const untilQueued = (pool: TestPool, length: number) =>
  until(`${length} are in the queue`, () => (storedQueue(pool).length === length ? storedQueue(pool) : null))

test.concurrent('a waiter becomes the installed program: the same process, in the same place, with all that it inherited', async () => {
  using pool = await takenPool()
  const command = `sh -c 'ulimit -Sn; readlink /proc/$$/fd/3 /proc/$$/fd/9; ls /proc/$$/fd; grep Sig[IB] /proc/self/status; env | sort'`
  const sh = (run: string) =>
    Bun.spawn(
      [
        ...['sh', '-c'],
        `: > given; exec 3< given 9>> lock; ulimit -Sn 500; trap '' USR1 PIPE; BAD=$(printf '\\377'); export BAD; ${run} ${command}; true`,
      ],
      { env: pool.env, cwd: pool.folder, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    )
  const bare = await finished(sh(''))
  const waiter = finished(sh('"$CHG" run --wait --'))
  const before = await untilQueued(pool, 1)
  const pid = before[0]?.process.pid ?? 0
  pool.install(newer)
  await byNewer(pool, 'status')
  await untilSuccessor(pid)
  expect(storedQueue(pool)).toEqual(before)
  await byNewer(pool, 'release')
  const { stdout, stderr } = await waiter
  const GIVEN = /^(CANHAZGPU_RESERVATION|NVIDIA_VISIBLE_DEVICES|CUDA_\w+|_)=.*\n/gm
  expect(stdout.replaceAll(GIVEN, '')).toBe(bare.stdout.replaceAll(GIVEN, ''))
  expect(stderr).not.toContain('Error')
  expect(stderr).toEndWith('Reserved 1 GPU(s): [0] for command execution\n')
  const [run] = storedHistory(pool).filter((each) => each.kind === 'run')
  expect(run?.reservation ?? storedPool(pool).reservations[0]?.id).toBe(before[0]?.id as string)
})

test.concurrent('waiters keep their order, and the rest of their time limits', async () => {
  using pool = await takenPool()
  const one = pool.begin('reserve', '--wait', '1h', '--short')
  await untilQueued(pool, 1)
  const two = pool.begin('reserve', '--wait', '2h', '--short')
  await untilQueued(pool, 2)
  const before = storedQueue(pool)
  const now = currentMoment().steady.ms
  pool.install(newer)
  await byNewer(pool, 'status')
  for (const [process, hours] of [[one, 1] as const, [two, 2] as const]) {
    const [, , rejoin = ''] = await untilSuccessor(process.pid)
    const { giveUpAt } = JSON.parse(rejoin)
    expect(giveUpAt).toBeLessThanOrEqual(now + hours * 3_600_000)
    expect(giveUpAt).toBeGreaterThan(now + (hours - 0.5) * 3_600_000)
  }
  expect(storedQueue(pool)).toEqual(before)
  await byNewer(pool, 'release')
  expect(await one.exited).toBe(0)
  expect(two.exitCode).toBeNull()
  two.kill('SIGKILL')
})

test.concurrent('a waiter that became the installed program times out at its original limit', async () => {
  using pool = await takenPool()
  const waiter = pool.begin('reserve', '--wait', '8s')
  await untilQueued(pool, 1)
  pool.install(newer)
  await byNewer(pool, 'status')
  await untilSuccessor(waiter.pid)
  expect(await waiter.exited).toBe(75)
  expect(storedQueue(pool)).toEqual([])
})

test.concurrent('a waiter started by a link follows it to the newer version', async () => {
  using pool = await takenPool()
  const link = `${pool.folder}/bin/chg`
  symlinkSync('canhazgpu', link)
  const waiter = Bun.spawn([link, 'reserve', '--wait', '--short'], {
    env: pool.env,
    stdout: 'pipe',
    stderr: 'pipe',
  })
  await untilQueued(pool, 1)
  unlinkSync(link)
  symlinkSync(newer.binary, link)
  await byNewer(pool, 'status')
  await untilSuccessor(waiter.pid)
  await byNewer(pool, 'release')
  expect(await waiter.exited).toBe(0)
})

test.concurrent.each([
  ['is too old as well', () => {}],
  ['was removed', ({ program }: { program: string }) => rmSync(program)],
] as const)('a waiter whose installed program %s ends with one line', async (_, change) => {
  using pool = await takenPool()
  const waiter = pool.begin('run', '--wait', '--json', '--', 'true')
  await untilQueued(pool, 1)
  change(pool)
  await byNewer(pool, 'status')
  const ended = await finished(waiter)
  expect(ended.stdout).toBe('')
  expect(failureOf(ended)).toMatchObject({ code: 'store-too-new', status: 125 })
  expect(ended.stderr.match(/"error"/g)).toHaveLength(1)
  await byNewer(pool, 'release')
  await until('its entry is gone', () => storedQueue(pool).length === 0)
})

test.concurrent('Ctrl-C ends a waiter that became the installed program', async () => {
  using pool = await takenPool()
  const waiter = pool.begin('run', '--wait', '--', 'true')
  await untilQueued(pool, 1)
  pool.install(newer)
  await byNewer(pool, 'status')
  await untilSuccessor(waiter.pid)
  await until('it waits', async () => {
    waiter.kill('SIGINT')
    return waiter.exitCode !== null || waiter.signalCode !== null
  })
  await byNewer(pool, 'status')
  expect(waiter.exitCode === 130 || waiter.signalCode === 'SIGINT').toBe(true)
})

const ONE_LINE = /^Error: [^\n]+\n$/

test.concurrent('commands fail with one line: they are too old', async () => {
  using pool = await takenPool()
  await byNewer(pool, 'status')
  for (const args of [['status'], ['reserve'], ['release'], ['queue'], ['report']]) {
    expect(await pool.typed(...args)).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(ONE_LINE),
    })
    expect(failureOf(await pool.typed(...args, '--json'))).toMatchObject({ code: 'store-too-new', status: 1 })
  }
  const run = await pool.typed('run', '--wait', '--', 'true')
  expect(run).toEqual({ status: 125, stdout: '', stderr: expect.stringMatching(ONE_LINE) })
  const asJson = await pool.typed('run', '--wait', '--json', '--', 'true')
  expect(failureOf(asJson)).toMatchObject({ code: 'store-too-new', status: 125 })
})

test.concurrent('a supervisor prints nothing and enforces its limit; the next command detects the end', async () => {
  using pool = await testPool(2)
  const options = ['--gpu-ids', '0', '--timeout', '10s', '--grace', '1s']
  const job = pool.start('run', ...options, '--', child('ignores-sigint'))
  await until('the supervisor watches', () => supervisorsOf(pool).find(isWatching) ?? null)
  await byNewer(pool, 'status')
  // The pool is read once more after each change.
  await byNewer(pool, 'reserve', '--gpu-ids', '1')
  const { stderr } = await finished(job)
  expect(job.signalCode).toBe('SIGKILL')
  expect(stderr).toMatch(STARTED_WITH_LIMIT)
  await until('the supervisor has left', () => supervisorsOf(pool).length === 0)
  expect(storedPool(pool).reservations.map(unitsOf)).toEqual([['0'], ['1']])
  expect(await byNewer(pool, 'status')).toStartWith('GPU 0: AVAILABLE')
})

test.concurrent('a supervisor becomes the installed program: the same process, with the same heartbeat and limit', async () => {
  using pool = await takenPool()
  await done(pool.typed('release'))
  const job = pool.begin('run', '--timeout', '10s', '--grace', '1s', '--', child('ignores-sigint'))
  const supervisor = await until('the supervisor watches', () => supervisorsOf(pool).find(isWatching) ?? null)
  pool.install(newer)
  await byNewer(pool, 'status')
  await until('the supervisor is of the newer version', () => {
    const file = readlinkSync(`/proc/${supervisor}/exe`)
    return file === pool.program
  })
  const { stderr } = await finished(job)
  expect(job.signalCode).toBe('SIGKILL')
  expect(stderr).toMatch(STARTED_WITH_LIMIT)
  await until('the supervisor has left', () => supervisorsOf(pool).length === 0)
  // The newer version can write the end, the older one cannot.
  expect(storedPool(pool).reservations).toEqual([])
  expect(storedHistory(pool).at(-1)?.outcome).toBe('timed-out')
})

/** A run of the current version in a pool of the newer one. Its supervisor is stopped until `resume`. */
async function stoppedRun(
  pool: Installed,
  ...options: string[]
): Promise<{ job: Child; resume: () => void }> {
  await done(pool.typed('release'))
  const job = pool.begin('run', ...options, '--', child('ignores-sigint'))
  const supervisor = await until('it watches', () => supervisorsOf(pool).find(isWatching) ?? null)
  kill(supervisor, 'SIGSTOP')
  pool.install(newer)
  await byNewer(pool, 'status')
  return { job, resume: () => kill(supervisor, 'SIGCONT') }
}

test.concurrent('the end of a command is recorded even if it ends before its supervisor detects the upgrade', async () => {
  using pool = await takenPool()
  const { job, resume } = await stoppedRun(pool)
  job.kill('SIGKILL')
  await job.exited
  resume()
  await until('the end is recorded', () => storedHistory(pool).some(({ kind }) => kind === 'run'))
  expect(storedHistory(pool).at(-1)).toMatchObject({ kind: 'run', outcome: 'exited' })
  expect(storedPool(pool).reservations).toEqual([])
})

test.concurrent('a time limit is enforced and recorded even if it passes before the supervisor detects the upgrade', async () => {
  using pool = await takenPool()
  const { job, resume } = await stoppedRun(pool, '--timeout', '3s', '--grace', '1s')
  await until('the limit has passed', () => {
    const [term] = storedPool(pool).reservations.map((each) => each.term)
    return term?.kind === 'run' && (term.limit?.interruptAt ?? 0) < currentMoment().wall
  })
  resume()
  await until('the end is recorded', () => storedHistory(pool).some(({ kind }) => kind === 'run'))
  expect(storedHistory(pool).at(-1)).toMatchObject({ kind: 'run', outcome: 'timed-out' })
  const { stderr } = await finished(job)
  expect([job.signalCode, stderr]).toEqual(['SIGKILL', expect.stringMatching(STARTED_WITH_LIMIT)])
})

test.concurrent('supervisors, waiters and dashboards of a newer version do not upgrade a restored pool of the older one', async () => {
  using pool = await installedPool(current, 3)
  await done(pool.typed('reserve', '--gpu-ids', '2'))
  const backup = `${pool.folder}/backup.db`
  await done(pool.typed('admin', '--backup', backup))
  pool.install(newer)
  const limited = pool.begin('run', '--timeout', '4s', '--grace', '1s', '--', child('ignores-sigint'))
  const unlimited = pool.begin('run', '--', child('forever'))
  await until('both are watched', () => supervisorsOf(pool).filter(isWatching).length === 2)
  const waiter = finished(pool.begin('run', '--wait', '--', 'true'))
  await untilQueued(pool, 1)
  const web = await served(pool.begin('web', '--host', '127.0.0.1', '--port', '0'))
  const folder = dirname(pool.database)
  await pool.sh(
    `mkdir older; cp backup.db older/pool.db; chmod 666 older/pool.db; mv ${folder} newer; mv older ${folder}`,
  )
  pool.install(current)
  // Each supervisor reads the pool after a change, and when its command has ended.
  const show = async () => expect((await pool.typed('admin', '--show')).status).toBe(0)
  await show()
  unlimited.kill('SIGKILL')
  await finished(limited)
  expect(limited.signalCode).toBe('SIGKILL')
  await until('the supervisors have left', () => supervisorsOf(pool).length === 0)
  expect((await waiter).status).toBe(125)
  await until('the dashboard has found it', async () =>
    (await (await web.get('/api/status')).text()).includes('store-too-old'),
  )
  await web.stop()
  await show()
  expect(await done(pool.typed('status'))).toContain('GPU 2: IN USE')
}, 60_000)

test.concurrent('a forged __rejoin does not take the place of another waiter', async () => {
  using pool = await takenPool()
  const waiter = pool.begin('reserve', '--wait')
  const [entry] = await untilQueued(pool, 1)
  const forged = JSON.stringify({
    ...{ entry: entry?.id, giveUpAt: null, descriptors: [] },
    ...{ ignoredSignals: '0', blockedSignals: '0', openFiles: '1024' },
  })
  const other = pool.start('__rejoin', forged, 'reserve', '--wait')
  const entries = await untilQueued(pool, 2)
  expect(entries.map((each) => each.process.pid)).toEqual([waiter.pid, other.pid])
  expect(entries[0]?.id).toBe(entry?.id ?? '')
  kill(waiter.pid, 'SIGKILL')
})
