import { expect, test } from 'bun:test'
import { readdirSync, readFileSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import type { StatusDocument } from '../../../../src/views/schemas/status.ts'
import { storedPool } from '../../../support/database.ts'
import { failureOf, onlyFailureOf } from '../../../support/failure.ts'
import { startForever } from '../../../support/job.ts'
import { type Child, finished, type TestPool, testPool } from '../../../support/pool.ts'
import { hasEnded, isWatching, kill, supervisorsOf } from '../../../support/processes.ts'
import { until } from '../../../support/until.ts'
import { waitToRun } from '../../../support/waiters.ts'
import { startWeb } from '../../../web/web-server.ts'

/** Deletes the folder, as an administrator may do. */
const remove = (pool: TestPool): void => rmSync(`${pool.folder}/pool`, { recursive: true })

async function setUpAgain(pool: TestPool, gpus = 1): Promise<void> {
  const admin = await pool.chg('admin', '--gpus', String(gpus), '--provider', 'fake')
  expect(admin).toMatchObject({ status: 0, stdout: `Initialized ${gpus} GPUs (IDs 0 to ${gpus - 1})\n` })
}

/** A command that has opened the pool and probes a slow driver. */
async function startAsking(pool: TestPool, ...args: string[]): Promise<Child> {
  pool.setFakeDriver({ delay_ms: 1_500 })
  const child = pool.start(...args)
  delete pool.env.CANHAZGPU_FAKE_USAGE
  // The last file that SQLite opens.
  await until('the command has opened the pool', () => opensOf(child.pid).includes(`${pool.database}-shm`))
  return child
}

function opensOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
  } catch {
    return []
  }
}

const REPLACED = { code: 'store-unavailable', message: expect.stringContaining('replaced') }

test.each([
  ['reserve', 1],
  ['run', 125],
])(
  '%s grants no GPU of a pool that was removed or replaced while the command asked the driver',
  async (verb, status) => {
    for (const replaced of [true, false]) {
      using pool = await testPool(1)
      const asked = verb === 'run' ? ['--', 'echo', 'granted'] : []
      const asking = await startAsking(pool, verb, '--json', ...asked)
      remove(pool)
      if (replaced) {
        await setUpAgain(pool)
        expect((await pool.chg('reserve')).status).toBe(0)
      }
      expect(onlyFailureOf(await finished(asking))).toMatchObject({ ...REPLACED, status })
    }
  },
)

test('a database that replaces another is detected too, and left unchanged', async () => {
  using pool = await testPool(1)
  const asking = await startAsking(pool, 'reserve', '--json')
  renameSync(pool.database, `${pool.database}.old`)
  expect(onlyFailureOf(await finished(asking))).toMatchObject({ ...REPLACED, status: 1 })
  renameSync(`${pool.database}.old`, pool.database)
  expect(storedPool(pool).reservations).toEqual([])
  expect((await pool.chg('reserve')).status).toBe(0)
})

test('after the pool is removed, waiters and the supervisor report that and exit, and the command continues', async () => {
  using pool = await testPool(1)
  const job = pool.sh('exec "$CHG" run -- sleep infinity 2> messages')
  const supervisor = await until(
    'the supervisor watches the run',
    () => supervisorsOf(pool).find(isWatching) ?? null,
  )
  const pid =
    storedPool(pool).reservations.flatMap(({ term }) => (term.kind === 'run' ? [term.process.pid] : []))[0] ??
    0
  const waiters = [await waitToRun(pool, '--json'), await waitToRun(pool, '--json')]
  remove(pool)
  for (const waiter of waiters) {
    const status = await waiter.ended()
    const failure = failureOf({ status, stdout: '', stderr: waiter.stderr() })
    expect(failure).toMatchObject({ ...REPLACED, status: 125 })
  }
  await until('the supervisor has exited', () => hasEnded(supervisor))
  expect(hasEnded(pid)).toBe(false)
  await setUpAgain(pool)
  expect((await pool.chg('reserve')).stdout).toStartWith('Reserved 1 GPU(s): [0]')
  kill(pid, 'SIGKILL')
  await job
  expect(readFileSync(`${pool.folder}/messages`, 'utf8')).toMatch(
    /^Reserved 1 GPU\(s\): \[0\] for command execution\ncanhazgpu: [^\n]*\bGPU 0 was ended\b[^\n]*\n$/,
  )
})

test('a supervisor whose pool is replaced at once leaves the new pool unchanged', async () => {
  using pool = await testPool(1)
  const job = await startForever(pool)
  const supervisor = await until(
    'the supervisor watches the run',
    () => supervisorsOf(pool).find(isWatching) ?? null,
  )
  remove(pool)
  await setUpAgain(pool)
  expect((await pool.chg('reserve')).status).toBe(0)
  await until('the supervisor has exited', () => hasEnded(supervisor))
  job.process.kill('SIGKILL')
  await job.process.exited
  expect(storedPool(pool).reservations).toHaveLength(1)
})

test('the dashboard continues with the new pool', async () => {
  using pool = await testPool(1)
  await pool.chg('reserve')
  const server = await startWeb(pool)
  expect(await server.json<StatusDocument[]>('/api/status')).toMatchObject([{ status: 'IN_USE' }])
  remove(pool)
  await setUpAgain(pool, 3)
  const free = { status: 'AVAILABLE' }
  await until('the new pool is shown', async () => {
    const shown = await server.json<StatusDocument[]>('/api/status')
    return Bun.deepMatch([free, free, free], shown)
  })
  expect((await server.get('/api/report?days=1')).status).toBe(200)
})
