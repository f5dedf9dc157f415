import { expect, test } from 'bun:test'
import { JobProcesses } from '../../../src/adapters/kernel/job-processes.ts'
import { currentProcess, hasEnded, processStat } from '../../../src/adapters/kernel/processes.ts'
import { watchProcess } from '../../../src/adapters/kernel/wait.ts'
import { needing } from '../../support/needs.ts'
import { until } from '../../support/until.ts'
import { firstLine } from '../process/programs.ts'

const SIGINT = 2
const SIGKILL = 9

const isAlive = (pid: number): boolean => {
  const stat = processStat(pid)
  return stat !== null && !hasEnded(stat)
}

/** A shell script as the command of a job; `pids` are in its first line of output. */
async function startJob(script: string, options: { withoutPidfd?: boolean } = {}) {
  const id = crypto.randomUUID()
  const process = Bun.spawn(['bash', '-c', script], {
    env: { ...globalThis.process.env, CANHAZGPU_RESERVATION: id },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const pids = (await firstLine(process.stdout)).split(' ').map(Number)
  const identity = {
    ...currentProcess(),
    pid: process.pid,
    startTime: processStat(process.pid)?.startTime ?? 0,
  }
  const watched = watchProcess(identity)
  const command = options.withoutPidfd ? { ...watched, pidfd: null } : watched
  return { process, pids, identity, command, processes: new JobProcesses(command, id) }
}

for (const withoutPidfd of [false, true]) {
  test(`a signal reaches the command and its descendants${withoutPidfd ? ', without a pidfd' : ''}`, async () => {
    const job = await startJob("bash -c 'sleep 1000 & echo $$ $!; wait; true'; true", { withoutPidfd })
    expect(job.processes.haveEnded()).toBe(false)
    job.processes.signal(SIGKILL)
    await job.process.exited
    await until('all have ended', () => job.processes.haveEnded())
    expect(job.pids.filter(isAlive)).toEqual([])
  })
}

test('the command is interrupted before its children, and both get the signal', async () => {
  // SIGINT kills the shell at once, so the child gets another parent before its own signal.
  const child = `perl -e '$| = 1; $SIG{INT} = sub { exit 7 }; print "$$\\n"; sleep 1 while 1'`
  const job = await startJob(`${child} & trap - INT; wait`)
  job.processes.signal(SIGINT)
  await job.process.exited
  await until('the child has ended', () => !isAlive(job.pids[0] ?? 0))
})

test('a process that ignores SIGINT stays in the job after the command has exited, and can be killed', async () => {
  const job = await startJob(
    `trap '' INT; env -u CANHAZGPU_RESERVATION sleep 1000 & echo $!; trap - INT; exec sleep 1000`,
  )
  job.processes.signal(SIGINT)
  await job.process.exited
  expect(job.processes.hasCommandEnded()).toBe(true)
  expect(job.processes.haveEnded()).toBe(false)
  job.processes.signal(SIGKILL)
  await until('all have ended', () => job.processes.haveEnded())
  expect(job.pids.filter(isAlive)).toEqual([])
})

test('more processes than the limit of open files are all signalled', () => {
  const sources = `${import.meta.dir}/../../../src/adapters/kernel`
  const code = `
    import { JobProcesses } from '${sources}/job-processes.ts'
    import { resourceLimit, RLIMIT_NOFILE } from '${sources}/libc/programs.ts'
    import { currentProcess, processStat } from '${sources}/processes.ts'
    import { watchProcess } from '${sources}/wait.ts'
    import { listNumbers } from '${sources}/procfs.ts'
    const job = Bun.spawn(['bash', '-c', 'for i in {1..100}; do sleep 1000 & done; echo; wait'], { stdout: 'pipe' })
    for await (const _ of job.stdout) break
    const { startTime } = processStat(job.pid)
    const processes = new JobProcesses(watchProcess({ ...currentProcess(), pid: job.pid, startTime }), 'none')
    const limit = BigInt(Math.max(...listNumbers('/proc/self/fd')) + 30)
    resourceLimit(RLIMIT_NOFILE, new BigUint64Array([limit, limit]), null)
    processes.signal(9)
    await job.exited
    while (!processes.haveEnded()) await Bun.sleep(1)
    console.log('all have ended')
    process.exit(0)`
  const { stdout, stderr } = Bun.spawnSync([process.execPath, '-e', code])
  expect(`${stdout}${stderr}`).toBe('all have ended\n')
})

test('a process with another start time gets no signal', async () => {
  const job = await startJob('echo $$; exec sleep 1000')
  const { pid, startTime } = job.identity
  for (const pidfd of [job.command.pidfd, null]) {
    const identity = { ...job.identity, startTime: startTime - 1 }
    const processes = new JobProcesses({ identity, pidfd, isPassed: false }, 'none')
    expect(processes.haveEnded()).toBe(true)
    processes.signal(SIGKILL)
  }
  expect(isAlive(pid)).toBe(true)
  job.process.kill('SIGKILL')
})

needing('containers').test('a number that kill(2) takes for several processes is never signalled', () => {
  // Runs in its own pid namespace, because a signal to -1 would kill all processes but the first.
  const sources = `${import.meta.dir}/../../../src/adapters/kernel`
  const code = `
    import { JobProcesses } from '${sources}/job-processes.ts'
    import { currentProcess } from '${sources}/processes.ts'
    const other = Bun.spawn(['sleep', '1000'])
    for (const pid of [-1, 0, 1, -other.pid]) {
      for (const startTime of [0, 1]) {
        const command = { identity: { ...currentProcess(), pid, startTime }, pidfd: null, isPassed: false }
        new JobProcesses(command, 'none').signal(9)
      }
    }
    await Bun.sleep(1)
    console.log(other.exitCode === null && other.signalCode === null ? 'alive' : 'gone')
    process.exit(0)`
  const alone = ['unshare', '--pid', '--fork', '--mount-proc', 'sh', '-c', '"$@"; exit $?', 'sh']
  const { stdout, stderr } = Bun.spawnSync([...alone, process.execPath, '-e', code])
  expect(`${stdout}${stderr}`).toBe('alive\n')
})

needing('containers').describe('as root', () => {
  test('descendants that run as another user are signalled, even after the command has exited', async () => {
    const job = await startJob(
      `setpriv --reuid 65534 --clear-groups sh -c "trap '' INT; echo \\$\\$; while :; do sleep 1000; done" & wait`,
    )
    const [other = 0] = job.pids
    job.processes.signal(SIGINT)
    await job.process.exited
    expect(isAlive(other)).toBe(true)
    job.processes.signal(SIGKILL)
    await until('all have ended', () => job.processes.haveEnded())
    expect(isAlive(other)).toBe(false)
  })

  test('a job in its own pid namespace is signalled', async () => {
    const job = await startJob('unshare --pid --fork --mount-proc sh -c "echo ready; sleep 1000; true"; true')
    job.processes.signal(SIGKILL)
    await until('all have ended', () => job.processes.haveEnded())
  })
})
