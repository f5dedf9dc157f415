import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { currentMoment } from '../../src/adapters/kernel/clock.ts'
import type { StatusDocument } from '../../src/views/schemas/status.ts'
import type { ReportDocument } from '../../src/views/schemas/usage.ts'
import { startContainer } from '../support/container.ts'
import { storedHistory, storedPool } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { done, type Installed, installedPool, untilSuccessor } from '../support/installed.ts'
import { child } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { type Build, buildPreviousVersion, currentBuild } from '../support/other-builds.ts'
import { type Finished, finished } from '../support/pool.ts'
import { hasOpen, isWatching, supervisorsOf, watchedFiles } from '../support/processes.ts'
import { newUser } from '../support/unix-users.ts'
import { until } from '../support/until.ts'
import { storedQueue } from '../support/waiters.ts'

/** The current build upgrades a pool of the previous release while jobs, waiters and commands of that release run. */

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

/** Runs the installed program as one user, and returns its result. */
type RunAs = (pool: Installed, ...args: string[]) => Promise<Finished>

const asOurselves: RunAs = (pool, ...args) => pool.typed(...args)

const ONE_LINE = /^Error: [^\n]+\n$/
const GRANTED = (gpu: number) => `Reserved 1 GPU(s): [${gpu}] for command execution\n`

/** A waiter has printed its position, once for each change, and its GPU. */
function expectWaited(
  { status, stdout, stderr }: Finished,
  { exited, gpu }: { exited: number; gpu: number },
): void {
  expect([status, stdout]).toEqual([exited, ''])
  const lines = stderr.slice(0, -GRANTED(gpu).length).trimEnd().split('\n')
  expect(stderr).toEndWith(`\n${GRANTED(gpu)}`)
  // The previous version prints no times.
  for (const each of lines) {
    expect(each).toMatch(/^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )?Waiting for (1 GPU|GPU \d): position \d of \d, /)
  }
  expect(new Set(lines).size).toBe(lines.length)
}

test.concurrent('jobs, reservations and waiters of one user outlive the upgrade', () =>
  expectToOutlive(asOurselves))

needing('users').concurrent('jobs, reservations and waiters of two users outlive the upgrade', async () => {
  const user = await newUser('upgrade')
  try {
    await expectToOutlive((pool, ...args) =>
      user.sh(pool, `exec ${[pool.program, ...args].map((word) => `'${word}'`).join(' ')}`),
    )
  } finally {
    await user.remove()
  }
})

async function expectToOutlive(asOther: RunAs): Promise<void> {
  using pool = await installedPool(previous, 5)
  await pool.sh('mkfifo -m 666 one two')
  const untilWritten = (name: string, status: number) => [
    'sh',
    '-c',
    `read word < ${pool.folder}/${name}; exit ${status}`,
  ]
  // Usage records.
  await done(pool.typed('reserve'))
  await done(pool.typed('release'))
  expect(await asOther(pool, 'run', '--', 'sh', '-c', 'exit 3')).toMatchObject({ status: 3 })
  // Reservations.
  const job = pool.typed('run', '--gpu-ids', '0', '--', ...untilWritten('one', 7))
  await done(asOther(pool, 'reserve', '--gpu-ids', '2', '--duration', '1h', '--note', 'theirs'))
  await done(pool.typed('reserve', '--gpu-ids', '3', '--duration', '2h'))
  await done(pool.typed('reserve', '--gpu-ids', '4'))
  await untilHeld(pool, 4)
  const limited = asOther(
    pool,
    'run',
    '--gpu-ids',
    '1',
    '--timeout',
    '10s',
    '--grace',
    '1s',
    '--',
    child('ignores-sigint'),
  )
  await untilHeld(pool, 5)
  // Waiters.
  const now = currentMoment().steady.ms
  const first = await queued(pool, asOurselves, 'reserve', '--wait', '1h', '--short')
  const second = await queued(
    pool,
    asOther,
    'run',
    '--wait',
    '2h',
    '--gpu-ids',
    '4',
    '--',
    ...untilWritten('two', 5),
  )
  const third = await queued(pool, asOurselves, 'run', '--wait', '--', 'sh', '-c', 'exit 6')
  const waiters = storedQueue(pool).map(({ process }) => process.pid)
  const before = await stateOf(pool)

  pool.install(current)
  await done(pool.typed('status'))

  const rejoined = await Promise.all(waiters.map(untilSuccessor))
  const [one = 0, two = 0, three] = rejoined.map(([, , rejoin = '']) => JSON.parse(rejoin).giveUpAt)
  for (const [giveUpAt, hours] of [[one, 1] as const, [two, 2] as const]) {
    expect(giveUpAt).toBeGreaterThan(now + (hours - 0.5) * 3_600_000)
    expect(giveUpAt).toBeLessThan(now + (hours + 0.5) * 3_600_000)
  }
  expect(three).toBeNull()
  await until('all supervisors are of the current build', () =>
    before.supervisors.every((pid) => readlinkSync(`/proc/${pid}/exe`) === pool.program),
  )
  expect(await stateOf(pool)).toEqual(before)

  // Places and options are kept.
  await done(pool.typed('release', '--gpu-ids', '4'))
  expect(await first.ended).toMatchObject({ status: 0, stdout: '4\n' })
  await done(pool.typed('release', '--gpu-ids', '4'))
  await until('the second has its GPU', () => supervisorsOf(pool, second.id).length > 0)
  expect(ids(storedQueue(pool))).toEqual([third.id])
  // Each job ends as it would without an upgrade.
  await pool.sh('echo now > one')
  expect(await job).toEqual({ status: 7, stdout: '', stderr: GRANTED(0) })
  expectWaited(await third.ended, { exited: 6, gpu: 0 })
  await pool.sh('echo now > two')
  expectWaited(await second.ended, { exited: 5, gpu: 4 })
  expect(await limited).toMatchObject({ stdout: 'ready\n', stderr: GRANTED(1) })
  await until('all supervisors have left', () => supervisorsOf(pool).length === 0)

  // Each reservation is in the history once, whichever versions began and ended it.
  const records = storedHistory(pool)
  expect(records.slice(0, before.history.length)).toEqual(before.history)
  expect(records.map(({ kind, gpu, outcome }) => `${kind} ${gpu} ${outcome}`).sort()).toEqual(
    [
      ...before.history.map(({ kind, gpu, outcome }) => `${kind} ${gpu} ${outcome}`),
      ...['run 0 exited', 'run 0 exited', 'run 1 timed-out', 'run 4 exited'],
      ...['manual 4 released', 'manual 4 released'],
    ].sort(),
  )
  expect(new Set(records.map(({ reservation, gpu }) => `${reservation} ${gpu}`)).size).toBe(records.length)
  expect(records.find(({ outcome }) => outcome === 'timed-out')?.ended_at).toBeNumber()
  const { stdout } = await pool.typed('admin', '--check')
  expect(stdout).toContain('is sound: 5 GPUs, 2 reservations, 0 waiting, 8 usage records')
}

test.concurrent('a waiter prints nothing because of the upgrade', async () => {
  using pool = await installedPool(previous, 1)
  await done(pool.typed('reserve'))
  const waiter = pool.sh('exec $CHG run --wait --json -- true 2> stderr')
  const stderr = () => readFileSync(`${pool.folder}/stderr`, 'utf8')
  const [entry] = await until('it waits and has printed its position', () =>
    storedQueue(pool).length === 1 && stderr().includes('position') ? storedQueue(pool) : null,
  )
  pool.install(current)
  await done(pool.typed('status'))
  const pid = entry?.process.pid ?? 0
  await untilSuccessor(pid)
  // It watches its own bell, and from its first read also every change.
  await until('it has read the pool', () => watchedFiles(pid) === 2)
  await done(pool.typed('release'))
  expect(await waiter).toMatchObject({ status: 0 })
  const lines = stderr().trimEnd().split('\n')
  expect(lines.map((text) => Object.keys(JSON.parse(text))[0])).toEqual(['waiting', 'reservation'])
})

test.concurrent('a command of the previous version that probes during the upgrade grants nothing', async () => {
  using pool = await installedPool(previous, 1)
  pool.setFakeDriver({ delay_ms: 1500 })
  const commands = [
    ['reserve', '--json'],
    ['run', '--json', '--', 'touch', `${pool.folder}/ran`],
    ['status'],
  ].map((args) => pool.begin(...args))
  await until('all have opened the pool', () => commands.every(({ pid }) => hasOpen(pid, pool.database)))
  pool.install(current)
  delete pool.env.CANHAZGPU_FAKE_USAGE
  await done(pool.typed('queue'))
  const [reserve, run, status] = await Promise.all(commands.map(finished))
  for (const [command, status] of [[reserve, 1] as const, [run, 125] as const]) {
    expect(command?.stdout).toBe('')
    expect(command && failureOf(command)).toMatchObject({ code: 'store-too-new', status })
  }
  // It had read the pool before the upgrade.
  expect(status).toMatchObject({ status: 0, stderr: '' })
  expect(existsSync(`${pool.folder}/ran`)).toBe(false)
  expect(await done(pool.typed('status'))).toStartWith('GPU 0: AVAILABLE (never used)')
})

needing('containers').concurrent(
  'a job and a waiter in containers outlive an upgrade on the host',
  async () => {
    using pool = await installedPool(previous, 1)
    await pool.sh('mkfifo end')
    const job = finished(startContainer(pool, `exec $CHG run -- sh -c 'read word < end; exit 7'`))
    const supervisor = await until('the job is watched', () => supervisorsOf(pool).find(isWatching) ?? null)
    const waiter = finished(startContainer(pool, `exec $CHG run --wait -- sh -c 'exit 5'`))
    await until('the waiter is in the queue', () => storedQueue(pool).length === 1)
    pool.install(current)
    await done(pool.typed('status'))
    await until('the supervisor is of the current build', () => {
      return !readlinkSync(`/proc/${supervisor}/exe`).endsWith(' (deleted)')
    })
    await pool.sh('echo now > end')
    expect(await job).toEqual({ status: 7, stdout: '', stderr: GRANTED(0) })
    // The supervisor may have ended with its container; then the host detects the end.
    await pool.typed('release', '--gpu-ids', '0')
    expect(await waiter).toMatchObject({ status: 5, stderr: expect.stringContaining(GRANTED(0)) })
  },
)

test.concurrent('after a downgrade every command fails with one line: it is too old', async () => {
  using pool = await installedPool(current, 1)
  const before = storedPool(pool)
  pool.install(previous)
  for (const args of [
    ['status'],
    ['reserve'],
    ['release'],
    ['extend', '1h'],
    ['queue'],
    ['report'],
    ['admin', '--check'],
  ]) {
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
  expect(storedPool(pool)).toEqual(before)
})

/** Waits until `count` GPUs are held and each run has its supervisor. */
function untilHeld(pool: Installed, count: number): Promise<true> {
  return until(`${count} GPUs are held`, async () => {
    const held = (await statusOf(pool)).filter(({ status }) => status === 'IN_USE')
    const runs = held.filter(({ type }) => type === 'RUN')
    return held.length === count && supervisorsOf(pool).length === runs.length
  })
}

const statusOf = async (pool: Installed): Promise<readonly StatusDocument[]> =>
  JSON.parse(await done(pool.typed('status', '--json')))

/** Starts a waiter behind those in the queue. */
async function queued(pool: Installed, runAs: RunAs, ...args: string[]) {
  const length = storedQueue(pool).length + 1
  const ended = runAs(pool, ...args)
  const entry = await until(`${length} are in the queue`, () => storedQueue(pool)[length - 1] ?? null)
  return { id: entry.id, ended }
}

const ids = (entries: ReturnType<typeof storedQueue>): readonly string[] => entries.map(({ id }) => id)

/** All that the upgrade must not change. */
async function stateOf(pool: Installed) {
  const report: ReportDocument = JSON.parse(await done(pool.typed('report', '--json')))
  return {
    gpus: (await statusOf(pool)).map(withoutTimes),
    // Without the hours, which grow while a GPU is held.
    users: report.users.map(({ user, run, manual }) => ({ user, run, manual })),
    reservations: report.total_reservations,
    history: storedHistory(pool),
    queue: ids(storedQueue(pool)),
    supervisors: supervisorsOf(pool).sort(),
  }
}

/** The status of a GPU without the values that change with time. */
function withoutTimes({
  status,
  user,
  account,
  type,
  started_at,
  expiry_time,
  last_heartbeat,
  note,
}: StatusDocument) {
  return { status, user, account, type, started_at, expiry_time, last_heartbeat, note }
}
