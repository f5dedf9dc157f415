import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import type { Pool, ProcessIdentity, RunReservation, RunTerm } from '../../src/domain/pool/model.ts'
import { inContainer } from '../support/container.ts'
import { forgeStoredPool, storedHistory, storedPool } from '../support/database.ts'
import { child, type Job, STARTED_WITH_LIMIT, startJob } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { hasEnded, kill, supervisorsOf } from '../support/processes.ts'
import { sharedPool, userForTests } from '../support/unix-users.ts'
import { until } from '../support/until.ts'

// Every user can write to the pool, so it must not decide which process is signalled or which file is written.

function identityOf(pid: number): Pick<ProcessIdentity, 'pid' | 'startTime'> {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return { pid, startTime: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) }
}

const changeRuns = (pool: TestPool, change: (run: RunReservation) => RunReservation): void =>
  forgeStoredPool(pool, (document: Pool) => ({
    ...document,
    reservations: document.reservations.map((each) => {
      const { term } = each
      return term.kind === 'run' ? change({ ...each, term }) : each
    }),
  }))

const withTerm = (run: RunReservation, changes: Partial<RunTerm>): RunReservation => ({
  ...run,
  term: { ...run.term, ...changes },
})

const withProcess =
  (changes: Partial<ProcessIdentity>) =>
  (run: RunReservation): RunReservation =>
    withTerm(run, { process: { ...run.term.process, ...changes } })

const withForgedLimit = (run: RunReservation): RunReservation =>
  withTerm(run, { limit: { interruptAt: 1, killAt: 2 } })

function withoutLimit(run: RunReservation): RunReservation {
  const { limit: _, ...term } = run.term
  return { ...run, term }
}

/** A process that canhazgpu did not start, with a file for its stderr. */
function bystander(pool: TestPool, as: readonly string[] = []): Disposable & { readonly pid: number } {
  const process = Bun.spawn([...as, 'sleep', '1000'], {
    stdio: ['ignore', 'ignore', Bun.file(`${pool.folder}/bystander`)],
  })
  return { pid: process.pid, [Symbol.dispose]: () => process.kill('SIGKILL') }
}

const untilUnsupervised = (pool: TestPool) =>
  until('the supervisor has exited', () => supervisorsOf(pool).length === 0)

/** How long each reservation was held. All stored times are of one clock. */
const timesHeld = (pool: TestPool) => storedHistory(pool).map((each) => each.ended_at - each.started_at)

async function startLimited(pool: TestPool): Promise<Job> {
  return startJob(pool, ['--timeout', '5s', '--grace', '1s'], child('ignores-sigint'))
}

describe.concurrent('a run whose reservation was forged', () => {
  test('with another process: that process gets no signal, and the command ends at its limit', async () => {
    using pool = await testPool(1)
    using other = bystander(pool)
    const job = await startLimited(pool)
    changeRuns(pool, withProcess(identityOf(other.pid)))
    await job.process.exited
    expect(job.process.signalCode).toBe('SIGKILL')
    await untilUnsupervised(pool)
    expect(hasEnded(other.pid)).toBe(false)
  })

  test('with a limit in the past: the command keeps its real limit', async () => {
    using pool = await testPool(1)
    const job = await startLimited(pool)
    changeRuns(pool, withForgedLimit)
    await job.process.exited
    await untilUnsupervised(pool)
    expect(storedHistory(pool)).toMatchObject([{ outcome: 'timed-out' }])
    expect(timesHeld(pool)[0]).toBeGreaterThanOrEqual(6_000)
  })

  test('with a limit for a command without one: the command continues', async () => {
    using pool = await testPool(2)
    const job = await startJob(pool, [], child('forever'))
    // The forged limit would act before this run reaches its own limit.
    const clock = await startLimited(pool)
    changeRuns(pool, withForgedLimit)
    await clock.process.exited
    expect(hasEnded(job.pid)).toBe(false)
  })

  const REMOVALS: Record<string, (pool: TestPool) => void> = {
    'without a limit': (pool) => changeRuns(pool, withoutLimit),
    removed: (pool) => forgeStoredPool(pool, (document) => ({ ...document, reservations: [] })),
  }
  test.each(Object.keys(REMOVALS))('%s: the limit is still enforced', async (removal) => {
    using pool = await testPool(1)
    const job = await startLimited(pool)
    REMOVALS[removal]?.(pool)
    await job.process.exited
    expect(job.process.signalCode).toBe('SIGKILL')
    await untilUnsupervised(pool)
  })

  const INVALID: Record<string, (run: RunReservation) => unknown> = {
    'with invalid GPUs': (run) => ({ ...run, holdings: 7 }),
    'replaced by null': () => null,
    'with an invalid process': (run) => ({
      ...run,
      holdings: { length: -1 },
      term: { ...run.term, process: 'none' },
    }),
  }
  test.each(Object.keys(INVALID))('%s: the limit is still enforced, without a message', async (kind) => {
    using pool = await testPool(1)
    const job = await startLimited(pool)
    changeRuns(pool, (run) => INVALID[kind]?.(run) as RunReservation)
    await job.process.exited
    expect(job.process.signalCode).toBe('SIGKILL')
    expect(await new Response(job.process.stderr).text()).toMatch(STARTED_WITH_LIMIT)
  })

  test('with another process: messages go to the stderr of the run', async () => {
    using pool = await testPool(1)
    using other = bystander(pool)
    const job = pool.sh(`exec "$CHG" run -- ${child('forever')} 2> messages`)
    const [run] = await until('the command runs', () => {
      const { reservations } = storedPool(pool)
      return reservations.length > 0 && reservations
    })
    changeRuns(pool, withProcess(identityOf(other.pid)))
    await pool.chg('admin', '--gpus', '1', '--force', '--provider', 'fake')
    const messages = () => readFileSync(`${pool.folder}/messages`, 'utf8')
    await until('the message is printed', () => /canhazgpu: .*\bGPU 0 was ended\b.*\n/.test(messages()))
    expect(readFileSync(`${pool.folder}/bystander`, 'utf8')).toBe('')
    if (run?.term.kind === 'run') kill(run.term.process.pid, 'SIGKILL')
    await job
  })

  // A failure here could end every process, so the test runs in its own pid namespace.
  needing('containers').test('a forged pid of -1 ends no other process', async () => {
    using pool = await testPool(1)
    const script = `
        sleep 1000 & other=$!
        "$CHG" run --timeout 5s --grace 1s -- ${child('ignores-sigint')} > out & run=$!
        until grep -q ready out; do sleep 0.05; done
        touch started
        until [ -e forged ]; do sleep 0.05; done
        wait $run; echo "status $?"
        kill -0 $other && echo "the other is alive"; kill $other`
    const inside = inContainer(pool, script)
    await until('the run has started', () => Bun.file(`${pool.folder}/started`).exists())
    changeRuns(pool, withProcess({ pid: -1 }))
    await Bun.write(`${pool.folder}/forged`, '')
    expect((await inside).stdout).toBe('status 137\nthe other is alive\n')
  })
})

needing('users').describe('several accounts', () => {
  const alice = userForTests('alice')
  const bob = userForTests('bob')

  test.concurrent('a run of root signals neither another user’s process nor one with its reservation variable', async () => {
    using pool = await sharedPool(1)
    using victim = bystander(pool, ['setpriv', `--reuid=${alice.uid}`, '--clear-groups'])
    const job = await startLimited(pool)
    const [reservation] = storedPool(pool).reservations
    const copy = Bun.spawn(['setpriv', `--reuid=${bob.uid}`, '--clear-groups', 'sleep', '1000'], {
      env: { CANHAZGPU_RESERVATION: reservation?.id ?? '' },
      stdio: ['ignore', 'ignore', 'ignore'],
    })
    changeRuns(pool, withProcess(identityOf(victim.pid)))
    await job.process.exited
    expect(job.process.signalCode).toBe('SIGKILL')
    await untilUnsupervised(pool)
    expect([hasEnded(victim.pid), hasEnded(copy.pid)]).toEqual([false, false])
    copy.kill('SIGKILL')
  })

  test.concurrent('a user’s run ends at its limit even if the pool names a process of root', async () => {
    using pool = await sharedPool(1)
    using other = bystander(pool)
    const run = alice.start(pool, 'run', '--timeout', '5s', '--grace', '1s', '--', child('ignores-sigint'))
    await until('the command runs', () => storedPool(pool).reservations.length === 1)
    changeRuns(pool, withProcess(identityOf(other.pid)))
    await run.exited
    expect(run.signalCode).toBe('SIGKILL')
    expect(hasEnded(other.pid)).toBe(false)
  })

  test.concurrent('a command that root starts as another user ends at the limit', async () => {
    using pool = await sharedPool(1)
    const script = `setpriv --reuid=${alice.uid} --clear-groups sh -c 'trap "" INT; echo $$; while :; do sleep 1000; done' & wait`
    const job = await startJob(
      pool,
      ['--timeout', '5s', '--grace', '1s'],
      'sh',
      '-c',
      `trap - INT; ${script}`,
    )
    await job.process.exited
    await until('the other process has ended', () => hasEnded(Number(job.firstLine)))
  })
})
