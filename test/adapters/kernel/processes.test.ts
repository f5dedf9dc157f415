import { describe, expect, test } from 'bun:test'
import { copyFileSync, readFileSync, readlinkSync } from 'node:fs'
import { currentProcess, liveness, parseStat, processStat } from '../../../src/adapters/kernel/processes.ts'
import { waitFor, watchProcess } from '../../../src/adapters/kernel/wait.ts'
import type { ProcessIdentity } from '../../../src/domain/pool/model.ts'
import { needing } from '../../support/needs.ts'
import { compile, firstLine } from '../process/programs.ts'
import { REPORT_STATE, reportedState } from '../process/reported-state.ts'
import { temporaryFolder } from '../process/temporary-folder.ts'

function identityOf(pid: number): ProcessIdentity {
  const stat = processStat(pid)
  if (stat === null) throw new Error(`no process ${pid}`)
  return { ...currentProcess(), pid, startTime: stat.startTime }
}

/** A child that runs until it is killed. */
function sleeper(program = 'sleep') {
  const child = Bun.spawn([program, '1000'], { stdio: ['ignore', 'ignore', 'ignore'] })
  return { pid: child.pid, exited: child.exited, [Symbol.dispose]: () => child.kill('SIGKILL') }
}

describe('liveness', () => {
  test('this process is alive', () => {
    expect(liveness(currentProcess())).toBe('alive')
  })

  test('a stopped process is alive', () => {
    using child = sleeper()
    process.kill(child.pid, 'SIGSTOP')
    expect(liveness(identityOf(child.pid))).toBe('alive')
  })

  test('a killed process is gone', async () => {
    using child = sleeper()
    const identity = identityOf(child.pid)
    process.kill(child.pid, 'SIGKILL')
    await child.exited
    expect(liveness(identity)).toBe('gone')
  })

  needing('perl').test('a process that its parent does not reap is gone', async () => {
    const neverWaits =
      'my $child = fork // die; exec qw(sleep 1000) unless $child; $| = 1; print "$child\\n"; sleep'
    const parent = Bun.spawn(['perl', '-e', neverWaits], { stdio: ['ignore', 'pipe', 'ignore'] })
    const identity = identityOf(Number(await firstLine(parent.stdout)))
    const watched = watchProcess(identity)
    process.kill(identity.pid, 'SIGKILL')
    expect(waitFor({ process: watched }, 10_000)).toBe('exited')
    expect(processStat(identity.pid)?.state).toBe('Z')
    expect(liveness(identity)).toBe('gone')
    parent.kill('SIGKILL')
  })

  needing('gcc').test(
    'a process whose main thread has exited is alive while its other threads run',
    async () => {
      using folder = temporaryFolder()
      compile(`${import.meta.dir}/zombie-leader.c`, folder.file('leader'))
      const child = Bun.spawn([folder.file('leader')], { stdio: ['ignore', 'pipe', 'ignore'] })
      const identity = identityOf(Number(await firstLine(child.stdout)))
      // It prints this before its main thread has exited.
      while (processStat(identity.pid)?.state !== 'Z') await Bun.sleep(1)
      expect(liveness(identity)).toBe('alive')
      const watched = watchProcess(identity)
      expect(waitFor({ process: watched }, 0)).toBe('timeout')
      child.kill('SIGKILL')
      expect(waitFor({ process: watched }, 10_000)).toBe('exited')
      await child.exited
      expect(liveness(identity)).toBe('gone')
    },
  )

  test('a later process with the same pid is a different process', () => {
    const ours = currentProcess()
    expect(liveness({ ...ours, startTime: ours.startTime - 1 })).toBe('gone')
  })

  test.each(['11111111-2222-3333-4444-555555555555', 'unknown', ''])(
    'with the boot id %p a visible process is alive, and a process that is not visible is unknown',
    async (bootId) => {
      using child = sleeper()
      const identity = { ...identityOf(child.pid), bootId }
      expect(liveness(identity)).toBe('alive')
      expect(liveness({ ...identity, startTime: identity.startTime - 1 })).toBe('unknown')
      process.kill(child.pid, 'SIGKILL')
      await child.exited
      expect(liveness(identity)).toBe('unknown')
    },
  )

  test('without a pid namespace or a start time, the state of a possible process is unknown', async () => {
    using child = sleeper()
    const identity = identityOf(child.pid)
    expect(liveness({ ...identity, pidNamespace: 'unknown' })).toBe('unknown')
    expect(liveness({ ...identity, startTime: 0 })).toBe('unknown')
    process.kill(child.pid, 'SIGKILL')
    await child.exited
    expect(liveness({ ...identity, pidNamespace: 'unknown' })).toBe('unknown')
    expect(liveness({ ...identity, startTime: 0 })).toBe('gone')
  })

  test('a process keeps its identity when it becomes another program', () => {
    const { stdout } = Bun.spawnSync(['sh', '-c', `cut -d' ' -f22 /proc/$$/stat; exec ${REPORT_STATE}`])
    const [before, after = ''] = stdout.toString().split('\n')
    expect(JSON.parse(after).identity.startTime).toBe(Number(before))
  })

  needing('root').test("another user's process can be checked", () => {
    expect(reportedState(`setpriv --reuid 65534 --clear-groups ${REPORT_STATE}`).liveness).toBe('alive')
    using child = sleeper()
    const script = `import { liveness } from '${import.meta.dir}/../../../src/adapters/kernel/processes.ts'
      console.log(JSON.stringify(liveness(${JSON.stringify(identityOf(child.pid))})))`
    const asNobody = (before: string) =>
      reportedState(`${before} setpriv --reuid 65534 --clear-groups '${process.execPath}' -e "$SCRIPT"`, {
        env: { SCRIPT: script },
      }) as unknown as string
    expect(asNobody('')).toBe('alive')
    // With hidepid its /proc entry is missing.
    const hidden = 'unshare -m sh -c \'mount -t proc -o hidepid=2 proc /proc && exec "$@"\' sh'
    expect(asNobody(hidden)).toBe('alive')
    process.kill(child.pid, 'SIGKILL')
  })
})

needing('root').describe('namespaces', () => {
  test('a process of another pid namespace is alive there; here its state is known only if all processes are visible', () => {
    const there = reportedState(`unshare --pid --fork --mount-proc ${REPORT_STATE}`)
    expect(there.identity.pid).toBe(1)
    expect(there.liveness).toBe('alive')
    // Only from the first namespace are all others visible, so only there it is known to have exited.
    const seesAll = readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]'
    expect(liveness(there.identity)).toBe(seesAll ? 'gone' : 'unknown')
  })

  test('the /proc of another pid namespace is not mistaken for our own', () => {
    expect(reportedState(`unshare --pid --fork ${REPORT_STATE}`).liveness).toBe('alive')
  })

  test('start times of another time namespace are not compared', () => {
    const there = reportedState(`unshare --time --boottime 100000 --fork ${REPORT_STATE}`)
    expect(there.liveness).toBe('alive')
    expect(liveness(there.identity)).toBe('unknown')
    expect(there.moment.steady.epoch).not.toBe(reportedState(REPORT_STATE).moment.steady.epoch)
  })
})

describe('/proc/<pid>/stat', () => {
  test('a name may contain anything', () => {
    using folder = temporaryFolder()
    const program = folder.file(') Z 1 (a b')
    copyFileSync(Bun.which('sleep') ?? '', program)
    using child = sleeper(program)
    expect(processStat(child.pid)).toMatchObject({ parent: process.pid, threads: 1 })
    expect(liveness(identityOf(child.pid))).toBe('alive')
  })

  test('an invalid line', () => {
    expect(parseStat('')).toBeNull()
  })

  test('a truncated line proves nothing', () => {
    const line = `${readFileSync('/proc/self/stat')}`
    const whole = parseStat(line)
    const startTimes = new Set(Array.from(line, (_, end) => parseStat(line.slice(0, end))?.startTime))
    expect([...startTimes]).toEqual([undefined, whole?.startTime])
  })

  test('a missing process', () => {
    expect(processStat(2 ** 22 + 1)).toBeNull()
  })
})
