import { constants, Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { appendFileSync, readFileSync } from 'node:fs'
import { storedHistory, storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { child, startJob, untilAllFree } from '../../support/job.ts'
import { needing } from '../../support/needs.ts'
import { binary, finished, type TestPool, testPool } from '../../support/pool.ts'
import { hasEnded, isWatching, kill, supervisorsOf } from '../../support/processes.ts'
import { until } from '../../support/until.ts'

const outcomes = (pool: TestPool) => storedHistory(pool).map(({ outcome }) => outcome)

const untilRecorded = (pool: TestPool) => until('the end is written', () => storedHistory(pool).length > 0)

/** The pid that a process of the job wrote to this file in the pool's folder. */
const pidIn = (pool: TestPool, file: string) =>
  until(`${file} is written`, async () => {
    const path = `${pool.folder}/${file}`
    return (await Bun.file(path).exists()) && Number(readFileSync(path, 'utf8'))
  })

describe.concurrent('run --timeout', () => {
  test('interrupts the command at its time limit', async () => {
    using pool = await testPool(1)
    const run = await pool.chg(
      'run',
      '--timeout',
      '5s',
      '--',
      'sh',
      '-c',
      'trap "echo bye; exit 3" INT; while :; do sleep 0.1; done',
    )
    expect(run).toMatchObject({ status: 3, stdout: 'bye\n' })
    await untilRecorded(pool)
    expect(outcomes(pool)).toEqual(['timed-out'])
  })

  test('kills the remaining processes after the grace period', async () => {
    using pool = await testPool(1)
    const run = await pool.chg('run', '--timeout', '5s', '--grace', '1s', '--', child('ignores-sigint'))
    // 137 is the shell's status for signal 9.
    expect(run).toMatchObject({ status: 137, stdout: 'ready\n' })
    await untilRecorded(pool)
    expect(outcomes(pool)).toEqual(['timed-out'])
  })

  test('prints its limit at the start, and a line for each signal', async () => {
    using pool = await testPool(1)
    const linesOf = async (file: string) => (await Bun.file(`${pool.folder}/${file}`).text()).split('\n')
    await pool.sh(`exec "$CHG" run --timeout 5s --grace 1s -- ${child('ignores-sigint')} 2> killed`)
    expect(await linesOf('killed')).toEqual([
      'Reserved 1 GPU(s): [0] for command execution',
      expect.stringMatching(/SIGINT .*0h 0m 5s \((tomorrow )?\d\d:\d\d\).*SIGKILL .*0h 0m 1s/),
      expect.stringMatching(/^canhazgpu: .*SIGINT.*SIGKILL in 0h 0m 1s$/),
      expect.stringMatching(/^canhazgpu: .*sending SIGKILL$/),
      '',
    ])
    await untilAllFree(pool)
    const loop = `trap 'echo bye >&2; exit' INT; echo hello >&2; while :; do sleep 0.1; done`
    await pool.sh(`exec "$CHG" run --timeout 5s --grace 1h -- sh -c "${loop}" 2> interrupted`)
    expect((await linesOf('interrupted')).slice(2)).toEqual([
      'hello',
      expect.stringMatching(/^canhazgpu: .*SIGINT.*SIGKILL in 1h 0m 0s$/),
      // The file is not opened for appending, and still no line overwrites another.
      'bye',
      '',
    ])
  })

  test('does not wait for the end of the grace period if no process is left', async () => {
    using pool = await testPool(1)
    const run = await pool.chg('run', '--timeout', '1s', '--grace', '1h', '--', child('forever'))
    expect(run.status).toBe(130)
    await untilRecorded(pool)
    await until('the supervisor has ended', () => supervisorsOf(pool).length === 0)
    expect(outcomes(pool)).toEqual(['timed-out'])
    await untilAllFree(pool)
  })

  needing('perl').test('interrupts every descendant of the command', async () => {
    using pool = await testPool(1)
    const script = `perl -e '$SIG{INT} = sub { open F, ">", "interrupted"; print F 1; exit }; sleep 1 while 1'`
    await pool.chg(
      'run',
      '--timeout',
      '5s',
      '--',
      'sh',
      '-c',
      `sh -c "${script.replaceAll('"', '\\"').replaceAll('$', '\\$')}; true"; true`,
    )
    await until('it was interrupted', () => Bun.file(`${pool.folder}/interrupted`).exists())
    await untilRecorded(pool)
    expect(outcomes(pool)).toEqual(['timed-out'])
  })

  test('signals daemons of the command too, and holds the GPU until they have ended', async () => {
    using pool = await testPool(1)
    const daemon = `trap "" INT; echo $$ > daemon; exec sleep 1000`
    const job = await startJob(
      pool,
      ['--timeout', '5s', '--grace', '2s'],
      'sh',
      '-c',
      `(setsid sh -c '${daemon}' </dev/null >/dev/null 2>&1 &); echo ready; exec sleep 1000`,
    )
    const pid = await pidIn(pool, 'daemon')
    expect(await job.process.exited).toBe(130)
    await untilRecorded(pool)
    await until('the daemon was killed', () => hasEnded(pid))
    expect(outcomes(pool)).toEqual(['timed-out'])
  })

  test('does not signal other processes of the same parent', async () => {
    using pool = await testPool(1)
    const { stdout } = await pool.sh(
      `sleep 1000 & "$CHG" run --timeout 5s --grace 1s -- ${child('ignores-sigint')}; kill -0 $! && echo alive; kill $!`,
    )
    expect(stdout).toBe('ready\nalive\n')
  })

  test('does nothing to a command that ends before the limit', async () => {
    using pool = await testPool(1)
    expect((await pool.chg('run', '--timeout', '1h', '--', child('exit-7'))).status).toBe(7)
    await untilRecorded(pool)
    await until('the supervisor has ended', () => supervisorsOf(pool).length === 0)
    expect(outcomes(pool)).toEqual(['exited'])
  })

  test('ends a stopped command too', async () => {
    using pool = await testPool(1)
    const job = await startJob(pool, ['--timeout', '5s', '--grace', '1s'], child('forever'))
    kill(job.pid, 'SIGSTOP')
    await job.process.exited
    await untilRecorded(pool)
    expect(outcomes(pool)).toEqual(['timed-out'])
  })

  test('is the known end of the reservation', async () => {
    using pool = await testPool(1)
    const job = await startJob(pool, ['--timeout', '1h', '--grace', '1m'], child('forever'))
    const [held] = storedPool(pool).reservations
    const limit = held?.term.kind === 'run' ? held.term.limit : undefined
    expect(limit).toEqual({
      interruptAt: (held?.startedAt ?? 0) + 3_600_000,
      killAt: (held?.startedAt ?? 0) + 3_660_000,
    })
    expect((await pool.status())[0]?.expiry_time).toBe(new Date(limit?.interruptAt ?? 0).toISOString())
    kill(job.pid, 'SIGKILL')
  })

  test.each([
    [['--timeout', '0s'], /'0s'/],
    [['--timeout', 'soon'], /'soon'/],
    [['--grace', '1s'], /--grace .*--timeout/],
  ])('%j is refused', async (options, fact) => {
    using pool = await testPool(1)
    const refused = failureOf(await pool.chg('run', '--json', ...options, '--', 'true'))
    expect(refused).toMatchObject({ status: 2, code: 'usage', message: expect.stringMatching(fact) })
  })

  needing('strace').test('without pidfds the limit is enforced too', async () => {
    using pool = await testPool(1)
    const inject = ['-f', '-o', '/dev/null', '-e', 'inject=pidfd_open:error=ENOSYS', '--seccomp-bpf']
    const traced = Bun.spawn(
      ['strace', ...inject, binary, 'run', '--timeout', '5s', '--grace', '1s', '--', child('ignores-sigint')],
      { env: pool.env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    )
    expect((await finished(traced)).stdout).toBe('ready\n')
    expect(traced.signalCode).toBe('SIGKILL')
  })

  needing('embedded pool').test('a lock on the pool does not delay the limit', async () => {
    using pool = await testPool(1)
    const job = await startJob(pool, ['--timeout', '5s', '--grace', '1s'], child('ignores-sigint'))
    await until('the supervisor watches', () => supervisorsOf(pool).some(isWatching))
    const db = new Database(pool.database, { readwrite: true, create: false })
    db.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1)
    db.run('PRAGMA locking_mode = EXCLUSIVE')
    db.run('BEGIN EXCLUSIVE')
    // A commit makes the supervisor read the pool and wait for the lock.
    appendFileSync(`${pool.database}-wake`, '\n')
    await job.process.exited
    db.run('ROLLBACK')
    db.close()
    expect(job.process.signalCode).toBe('SIGKILL')
    await untilRecorded(pool)
    const [record] = storedHistory(pool)
    // SQLite itself would wait for half a minute.
    expect((record?.ended_at ?? 0) - (record?.started_at ?? 0)).toBeLessThan(30_000)
  })
})
