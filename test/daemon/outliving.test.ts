import { expect, test } from 'bun:test'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { compile } from '../adapters/process/programs.ts'
import { type DaemonPool, daemonPool } from '../support/daemon.ts'
import { storedHistory } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import type { Child } from '../support/pool.ts'
import { hasEnded, kill, stoppersOf } from '../support/processes.ts'
import { userForTests } from '../support/unix-users.ts'
import { until } from '../support/until.ts'

/** Attempts of a user to keep a job beyond its time limit. */

const LIMIT = ['--timeout', '1s', '--grace', '1s', '--']
/** Writes its pid to the file `$FILE`, ignores SIGINT, and never ends. */
const STUBBORN = `trap '' INT; echo $$ > $FILE; while :; do sleep 0.1; done`
/** Pids, separated by spaces. */
const childrenOf = (pid: number): string => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
/** The same, as a background process that leaves the session and the tree of the job. */
const BACKGROUND = `(FILE=$FILE.background setsid sh -c "${STUBBORN.replaceAll('$', '\\$')}" &);`

needing('users').describe('a user does not outlive a time limit', () => {
  const ann = userForTests('ann')

  /** A pool whose folder the user can write. */
  async function openPool(): Promise<DaemonPool> {
    const pool = await daemonPool(1)
    chmodSync(pool.folder, 0o777)
    pool.env.FILE = `${pool.folder}/pid`
    return pool
  }

  const run = (pool: DaemonPool, ...command: string[]): Child => ann.start(pool, 'run', ...LIMIT, ...command)

  const pidIn = (file: string) =>
    until(`${file} is written`, () => existsSync(file) && Number(readFileSync(file, 'utf8')))

  const stopperOf = (pool: DaemonPool) =>
    until('the job is being stopped', () => stoppersOf(pool)[0] ?? false)

  /** The job ends by SIGKILL, and the history has the reason. */
  async function expectKilled(pool: DaemonPool, job: Child, outcome = 'timed-out'): Promise<void> {
    await job.exited
    expect(job.signalCode).toBe('SIGKILL')
    await expectRecorded(pool, outcome)
  }

  async function expectRecorded(pool: DaemonPool, outcome = 'timed-out'): Promise<void> {
    await until('its end is recorded', () => storedHistory(pool).length > 0)
    expect(storedHistory(pool).map((record) => record.outcome)).toEqual([outcome])
  }

  test.each([
    ['ignores SIGINT', STUBBORN],
    ['stops itself', 'kill -STOP $$; sleep 1000'],
    [
      'stops all other processes of its account, again and again',
      `trap '' INT; while :; do kill -STOP -1; done`,
    ],
    [
      'has a full pipe as its standard error',
      `mkfifo $FILE.pipe; exec 2<>$FILE.pipe; (head -c 100000 /dev/zero >&2 &); ${STUBBORN}`,
    ],
  ])('a job that %s', async (_, command) => {
    using pool = await openPool()
    await expectKilled(pool, run(pool, 'sh', '-c', command))
  })

  test('it cannot signal or read the process that stops its job, and its background processes end too', async () => {
    using pool = await openPool()
    const job = run(pool, 'sh', '-c', `${BACKGROUND} ${STUBBORN}`)
    const stopper = await stopperOf(pool)
    const attempts = `for signal in STOP KILL INT TERM; do kill -$signal ${stopper}; done; cat /proc/${stopper}/environ`
    const { stderr } = await ann.sh(pool, attempts)
    expect(stderr.match(/not permitted|denied/g)).toHaveLength(5)
    await expectKilled(pool, job)
    const background = await pidIn(`${pool.folder}/pid.background`)
    await until('the background process has ended', () => hasEnded(background))
  })

  test('it releases the GPU of a job that is being stopped', async () => {
    using pool = await openPool()
    const job = run(pool, 'sh', '-c', STUBBORN)
    await stopperOf(pool)
    expect((await ann.chg(pool, 'release', '--gpu-ids', '0')).status).toBe(0)
    await expectKilled(pool, job, 'released')
  })

  test('a grace period counts for max-duration, except for the usual half minute', async () => {
    using pool = await openPool()
    expect((await pool.chg('policy', 'set', 'max-duration', '1h')).status).toBe(0)
    const asked = (...options: string[]) => ann.chg(pool, 'run', '--json', ...options, '--', 'true')
    expect((await asked('--timeout', '1h')).status).toBe(0)
    expect((await asked('--timeout', '30m', '--grace', '30m')).status).toBe(0)
    const refused = await asked('--timeout', '1h', '--grace', '1m')
    expect(failureOf(refused)).toMatchObject({ code: 'impossible-request', status: 2 })
  })

  /** In single quotes. */
  const quoted = (script: string) => `'${script.replaceAll("'", `'"'"'`)}'`
  const LIMITED = `"$CHG" run ${LIMIT.join(' ')} sh -c`

  needing('user namespaces').test('a job in its own pid namespace, as its first process', async () => {
    using pool = await openPool()
    const { stderr } = await ann.sh(pool, `unshare -Urpf --mount-proc ${LIMITED} ${quoted(STUBBORN)}`)
    expect(stderr).toContain('SIGKILL')
    await expectRecorded(pool)
  })

  needing('gcc').describe('with a program of its own', () => {
    const source = (name: string) => `${import.meta.dir}/../adapters/kernel/${name}.c`

    test('the main thread of the job has exited', async () => {
      using pool = await openPool()
      compile(source('zombie-leader'), `${pool.folder}/program`)
      const job = run(pool, 'sh', '-c', `trap '' INT; exec ${pool.folder}/program`)
      await expectKilled(pool, job)
    })

    test('the job has become a process of root by a set-user-id program', async () => {
      using pool = await openPool()
      const program = `${pool.folder}/program`
      compile(source('becomes-root'), program)
      chmodSync(program, 0o4755)
      const job = run(pool, 'sh', '-c', `trap '' INT; exec ${program}`)
      const child = await until('it runs', () => Number(childrenOf(job.pid)))
      await expectKilled(pool, job)
      // The child is a process of root, which the account may not signal.
      expect(hasEnded(child)).toBe(false)
      kill(child, 'SIGKILL')
    })

    needing('user namespaces', 'fuse').test('writes to its standard error block for ever', async () => {
      using pool = await openPool()
      const [device, file, program] = ['fuse', 'stderr', 'program'].map((name) => `${pool.folder}/${name}`)
      // Some machines let only root open /dev/fuse.
      Bun.spawnSync(['mknod', '-m', '666', `${device}`, 'c', '10', '229'])
      compile(`${import.meta.dir}/blocking-stderr.c`, `${program}`)
      writeFileSync(`${file}`, '', { mode: 0o666 })
      const script = quoted(`echo block >&2; echo ready; ${STUBBORN}`)
      const job = await ann.sh(pool, `${program} ${device} ${file} ${LIMITED} ${script}`)
      expect(job).toMatchObject({ status: 137, stdout: 'ready\n' })
      await expectRecorded(pool)
    })
  })
})
