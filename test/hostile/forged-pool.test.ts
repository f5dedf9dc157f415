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

/** Every user can write to the pool. Nothing in it may decide which process is signalled or which file is written. */

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

/** A process that has nothing to do with canhazgpu, with a file for its stderr. */
function bystander(pool: TestPool, as: readonly string[] = []): Disposable & { readonly pid: number } {
  const process = Bun.spawn([...as, 'sleep', '1000'], {
    stdio: ['ignore', 'ignore', Bun.file(`${pool.folder}/bystander`)],
  })
  return { pid: process.pid, [Symbol.dispose]: () => process.kill('SIGKILL') }
}

const untilUnsupervised = (pool: TestPool) =>
  until('the supervisor has left', () => supervisorsOf(pool).length === 0)

/** The stored times are those of one clock. */
const timesHeld = (pool: TestPool) => storedHistory(pool).map((each) => each.ended_at - each.started_at)

async function startLimited(pool: TestPool): Promise<Job> {
  return startJob(pool, ['--timeout', '5s', '--grace', '1s'], child('ignores-sigint'))
}

describe.concurrent('a run whose reservation was forged', () => {
  test('with the process of another: that one is spared, and the command gets its limit', async () => {
    using pool = await testPool(1)
    using other = bystander(pool)
    const job = await startLimited(pool)
    changeRuns(pool, withProcess(identityOf(other.pid)))
    await job.process.exited
    expect(job.process.signalCode).toBe('SIGKILL')
    await untilUnsupervised(pool)
    expect(hasEnded(other.pid)).toBe(false)
  })

  test('with a limit that has passed: it has the time that it was given', async () => {
    using pool = await testPool(1)
    const job = await startLimited(pool)
    changeRuns(pool, withForgedLimit)
    await job.process.exited
    await untilUnsupervised(pool)
    expect(storedHistory(pool)).toMatchObject([{ outcome: 'timed-out' }])
    expect(timesHeld(pool)[0]).toBeGreaterThanOrEqual(6_000)
  })

  test('with a limit where it had none: it has none', async () => {
    using pool = await testPool(2)
    const job = await startJob(pool, [], child('forever'))
    // It takes longer to reach a limit of its own than the forged one would take to act.
    const clock = await startLimited(pool)
    changeRuns(pool, withForgedLimit)
    await clock.process.exited
    expect(hasEnded(job.pid)).toBe(false)
  })

  const REMOVALS: Record<string, (pool: TestPool) => void> = {
    'without its limit': (pool) => changeRuns(pool, withoutLimit),
    'away altogether': (pool) => forgeStoredPool(pool, (document) => ({ ...document, reservations: [] })),
  }
  test.each(Object.keys(REMOVALS))('%s: the limit is enforced all the same', async (removal) => {
    using pool = await testPool(1)
    const job = await startLimited(pool)
    REMOVALS[removal]?.(pool)
    await job.process.exited
    expect(job.process.signalCode).toBe('SIGKILL')
    await untilUnsupervised(pool)
  })

  const NONSENSE: Record<string, (run: RunReservation) => unknown> = {
    'with GPUs that are none': (run) => ({ ...run, holdings: 7 }),
    'into nothing': () => null,
    'with a process that is none': (run) => ({
      ...run,
      holdings: { length: -1 },
      term: { ...run.term, process: 'none' },
    }),
  }
  test.each(Object.keys(NONSENSE))('%s: the limit is enforced all the same, in silence', async (kind) => {
    using pool = await testPool(1)
    const job = await startLimited(pool)
    changeRuns(pool, (run) => NONSENSE[kind]?.(run) as RunReservation)
    await job.process.exited
    expect(job.process.signalCode).toBe('SIGKILL')
    expect(await new Response(job.process.stderr).text()).toMatch(STARTED_WITH_LIMIT)
  })

  test('with the process of another: what is said goes to the stderr of the run', async () => {
    using pool = await testPool(1)
    using other = bystander(pool)
    const job = pool.sh(`exec "$CHG" run -- ${child('forever')} 2> said`)
    const [run] = await until('it runs', () => {
      const { reservations } = storedPool(pool)
      return reservations.length > 0 && reservations
    })
    changeRuns(pool, withProcess(identityOf(other.pid)))
    await pool.chg('admin', '--gpus', '1', '--force', '--provider', 'fake')
    const said = () => readFileSync(`${pool.folder}/said`, 'utf8')
    await until('it was told', () => said().includes('was ended; the command runs on without it\n'))
    expect(readFileSync(`${pool.folder}/bystander`, 'utf8')).toBe('')
    if (run?.term.kind === 'run') kill(run.term.process.pid, 'SIGKILL')
    await job
  })

  // Whatever went wrong here would end every process, so it is done where there are no others.
  needing('containers').test('a pid that stands for everybody ends nobody', async () => {
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
    await until('it has started', () => Bun.file(`${pool.folder}/started`).exists())
    changeRuns(pool, withProcess({ pid: -1 }))
    await Bun.write(`${pool.folder}/forged`, '')
    expect((await inside).stdout).toBe('status 137\nthe other is alive\n')
  })
})

needing('users').describe('several accounts', () => {
  const alice = userForTests('alice')
  const bob = userForTests('bob')

  test.concurrent('a run of root harms neither another user’s process nor one that carries its reservation', async () => {
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

  test.concurrent('a run of a user ends at its limit, though another wrote the process of root into the pool', async () => {
    using pool = await sharedPool(1)
    using other = bystander(pool)
    const run = alice.start(pool, 'run', '--timeout', '5s', '--grace', '1s', '--', child('ignores-sigint'))
    await until('it runs', () => storedPool(pool).reservations.length === 1)
    changeRuns(pool, withProcess(identityOf(other.pid)))
    await run.exited
    expect(run.signalCode).toBe('SIGKILL')
    expect(hasEnded(other.pid)).toBe(false)
  })

  test.concurrent('what root starts as somebody else is stopped at the limit of root', async () => {
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
    await until('the other has ended', () => hasEnded(Number(job.greeting)))
  })
})
