import { expect, test } from 'bun:test'
import type { ProcessIdentity } from '../../src/domain/pool/model.ts'
import { changeStoredPool, storedHistory, storedPool } from '../support/database.ts'
import { child, startForever, startJob, untilAllFree, untilWatched } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import {
  hasEnded,
  isWatching,
  kill,
  parentOf,
  sessionOf,
  stateOf,
  supervisorsOf,
} from '../support/processes.ts'
import { beforeReboot } from '../support/reboot.ts'
import { until } from '../support/until.ts'

const outcomes = (pool: TestPool) => storedHistory(pool).map(({ gpu, outcome }) => [gpu, outcome])
const held = async (pool: TestPool) => (await pool.status()).filter((gpu) => gpu.status === 'IN_USE').length

async function supervisorOf(pool: TestPool): Promise<number> {
  return until('the supervisor watches', () => supervisorsOf(pool).find(isWatching) ?? null)
}

async function untilUnsupervised(pool: TestPool): Promise<void> {
  await until('no supervisor is left', () => supervisorsOf(pool).length === 0)
}

test('the supervisor frees the GPUs of a command that ends', async () => {
  using pool = await testPool(2)
  await pool.chg('run', '--gpus', '2', '--', child('exit-7'))
  await until('the end is written', () => storedPool(pool).reservations.length === 0)
  expect(outcomes(pool)).toEqual([
    [0, 'exited'],
    [1, 'exited'],
  ])
  await untilUnsupervised(pool)
})

test('after kill -9 of the command, the next command finds its GPU free', async () => {
  using pool = await testPool(1)
  for (let round = 0; round < 5; round++) {
    const job = await startForever(pool)
    expect((await pool.chg('reserve')).status).toBe(75)
    kill(job.pid, 'SIGKILL')
    await job.process.exited
    expect((await pool.chg('status')).stdout).toStartWith('GPU 0: AVAILABLE')
  }
  await untilUnsupervised(pool)
  expect(outcomes(pool)).toEqual(Array(5).fill([0, 'exited']))
})

needing('embedded pool').test(
  'after kill -9 of the supervisor, the command holds its GPU until it ends',
  async () => {
    using pool = await testPool(1)
    const job = await startForever(pool)
    kill(await supervisorOf(pool), 'SIGKILL')
    await untilUnsupervised(pool)
    expect((await pool.chg('reserve')).status).toBe(75)
    expect(await held(pool)).toBe(1)
    kill(job.pid, 'SIGTERM')
    await job.process.exited
    expect((await pool.chg('reserve')).status).toBe(0)
    expect(outcomes(pool)).toEqual([[0, 'exited']])
  },
)

needing('embedded pool').test('after kill -9 of both, the GPU is free', async () => {
  using pool = await testPool(1)
  const job = await startForever(pool)
  kill(await supervisorOf(pool), 'SIGKILL')
  kill(job.pid, 'SIGKILL')
  await job.process.exited
  expect((await pool.chg('status')).stdout).toStartWith('GPU 0: AVAILABLE')
  expect(outcomes(pool)).toEqual([[0, 'exited']])
})

needing('embedded pool').test('a stopped supervisor delays no other command', async () => {
  using pool = await testPool(1)
  const job = await startForever(pool)
  const supervisor = await supervisorOf(pool)
  kill(supervisor, 'SIGSTOP')
  await until('it is stopped', () => stateOf(supervisor) === 'T')
  expect(await held(pool)).toBe(1)
  kill(job.pid, 'SIGKILL')
  await job.process.exited
  expect((await pool.chg('reserve')).status).toBe(0)
  kill(supervisor, 'SIGCONT')
  await untilUnsupervised(pool)
  // The supervisor found its reservation ended, and did not change the new one.
  expect(outcomes(pool)).toEqual([[0, 'exited']])
  expect(await held(pool)).toBe(1)
})

test('a stopped command keeps its GPU', async () => {
  using pool = await testPool(1)
  const job = await startForever(pool)
  kill(job.pid, 'SIGSTOP')
  await until('it is stopped', () => stateOf(job.pid) === 'T')
  expect((await pool.chg('reserve')).status).toBe(75)
  kill(job.pid, 'SIGCONT')
})

needing('embedded pool').test(
  'SIGTERM, SIGHUP and SIGINT to the supervisor do not end the reservation',
  async () => {
    using pool = await testPool(1)
    const job = await startForever(pool)
    const supervisor = await supervisorOf(pool)
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) kill(supervisor, signal)
    expect(await held(pool)).toBe(1)
    expect(hasEnded(job.pid)).toBe(false)
  },
)

test('background processes of an ended command do not hold the GPU', async () => {
  using pool = await testPool(1)
  const job = await startJob(pool, [], child('forks-grandchild'))
  const grandchild = Number(job.firstLine)
  expect(await job.process.exited).toBe(0)
  await untilAllFree(pool)
  expect(hasEnded(grandchild)).toBe(false)
  kill(grandchild, 'SIGKILL')
})

test.each(['closes-fds', 'ignores-sigint'])('%s holds its GPU until it is killed', async (name) => {
  using pool = await testPool(1)
  const job = await startJob(pool, [], child(name))
  kill(job.pid, 'SIGCONT')
  expect(await held(pool)).toBe(1)
  kill(job.pid, 'SIGKILL')
  await job.process.exited
  await untilAllFree(pool)
})

test('a reset during a run is reported on its stderr, and the command continues', async () => {
  using pool = await testPool(2)
  await pool.sh('mkfifo go')
  const script = 'read line < go; echo "$line"'
  const job = pool.sh(`"$CHG" run --gpus 2 -- sh -c '${script}' 2> stderr`)
  await untilWatched(pool)
  await pool.chg('admin', '--gpus', '2', '--force', '--provider', 'fake')
  await untilUnsupervised(pool)
  expect((await pool.chg('reserve', '--gpus', '2')).status).toBe(0)
  await pool.sh('echo "still here" > go')
  expect(await job).toMatchObject({ status: 0, stdout: 'still here\n' })
  expect((await Bun.file(`${pool.folder}/stderr`).text()).split('\n')).toEqual([
    'Reserved 2 GPU(s): [0, 1] for command execution',
    expect.stringMatching(/^canhazgpu: .*reservation of GPU 0, 1 was ended/),
    '',
  ])
  expect(outcomes(pool)).toEqual([
    [0, 'reset'],
    [1, 'reset'],
  ])
  expect(await held(pool)).toBe(2)
})

test('release does not end runs', async () => {
  using pool = await testPool(1)
  const job = await startForever(pool)
  expect((await pool.chg('release')).stdout).toBe('No manually reserved GPUs found for current user\n')
  expect(await held(pool)).toBe(1)
  expect(hasEnded(job.pid)).toBe(false)
})

const startedBefore = (process: ProcessIdentity) => ({ ...process, startTime: process.startTime - 1 })

needing('embedded pool').test(
  'another process with the pid of the command does not hold the GPU',
  async () => {
    using pool = await testPool(1)
    const job = await startForever(pool)
    kill(await supervisorOf(pool), 'SIGKILL')
    changeStoredPool(pool, (document) => ({
      ...document,
      reservations: document.reservations.map((each) =>
        each.term.kind === 'run'
          ? { ...each, term: { ...each.term, process: startedBefore(each.term.process) } }
          : each,
      ),
    }))
    expect(hasEnded(job.pid)).toBe(false)
    expect((await pool.chg('status')).stdout).toStartWith('GPU 0: AVAILABLE')
  },
)

needing('embedded pool').test(
  'a run of an earlier boot ended at its last heartbeat, as vanished',
  async () => {
    using pool = await testPool(1)
    await startForever(pool)
    kill(await supervisorOf(pool), 'SIGKILL')
    const heartbeatAt = Date.now() - 5_000
    changeStoredPool(pool, (document) => beforeReboot(document, heartbeatAt))
    await untilAllFree(pool)
    expect(storedHistory(pool)).toMatchObject([{ outcome: 'vanished', ended_at: heartbeatAt }])
  },
)

needing('embedded pool').test(
  'the supervisor is no child of the command, has its own session, and does not keep its streams open',
  async () => {
    using pool = await testPool(1)
    const job = await startForever(pool)
    const supervisor = await supervisorOf(pool)
    expect(parentOf(supervisor)).not.toBe(job.pid)
    expect(sessionOf(supervisor)).toBe(supervisor)
    const descriptors = await pool.sh(
      `readlink /proc/${supervisor}/fd/0 /proc/${supervisor}/fd/1 /proc/${supervisor}/fd/2`,
    )
    expect(descriptors.stdout).toBe('/dev/null\n/dev/null\n/dev/null\n')
    expect((await pool.sh(`cat /proc/${job.pid}/task/*/children`)).stdout.trim()).toBe('')
  },
)

needing('embedded pool').test('pipes close when the command ends, not when its supervisor ends', async () => {
  using pool = await testPool(1)
  expect((await pool.sh(`out=$("$CHG" run -- sh -c 'echo hi') && echo "got $out"`)).stdout).toBe('got hi\n')
  expect((await pool.sh(`"$CHG" run -- sh -c 'echo hi' | cat`)).stdout).toBe('hi\n')
  // A stopped supervisor does not hold them open either.
  const job = await startForever(pool)
  const supervisor = await supervisorOf(pool)
  kill(supervisor, 'SIGSTOP')
  await until('it is stopped', () => stateOf(supervisor) === 'T')
  kill(job.pid, 'SIGKILL')
  expect(await job.rest()).toBe('')
  expect(stateOf(supervisor)).toBe('T')
  kill(supervisor, 'SIGCONT')
})
