import { expect } from 'bun:test'
import { readFileSync, symlinkSync, unlinkSync } from 'node:fs'
import { done, installedPool, startBuild, untilSuccessor } from '../support/installed.ts'
import { needing } from '../support/needs.ts'
import { buildNewerVersion, currentBuild } from '../support/other-builds.ts'
import { finished, testPool } from '../support/pool.ts'
import { sshHost } from '../support/ssh-host.ts'
import { until } from '../support/until.ts'
import { storedQueue } from '../support/waiters.ts'

const COMMAND = ['sh', '-c', 'ls /proc/$$/fd; grep SigIgn /proc/self/status']

needing('ssh', 'sshd', 'embedded pool').test(
  'a waiter that becomes a newer version during an upgrade still asks its caller, and the command inherits nothing of it',
  async () => {
    using current = currentBuild()
    using newer = buildNewerVersion()
    using pool = await installedPool(current, 1)
    using caller = await testPool(0)
    using host = await sshHost('gpu1', pool, caller)
    unlinkSync(`${host.programs}/canhazgpu`)
    symlinkSync(pool.program, `${host.programs}/canhazgpu`)
    const before = await finished(caller.start('run', '--host', 'gpu1', '--', ...COMMAND))
    expect(before.stdout).toBe('0\n1\n2\nSigIgn:\t0000000000000000\n')

    await done(pool.typed('reserve'))
    const waiter = finished(caller.start('run', '--host', 'gpu1', '--wait', '--', ...COMMAND))
    await until('it waits', () => storedQueue(pool).length === 1)
    const reserving = caller.start('reserve', '--host', 'gpu1', '--wait')
    await until('it waits too', () => storedQueue(pool).length === 2)
    pool.install(newer)
    await done(finished(startBuild(newer, pool, 'status')))
    for (const { process } of storedQueue(pool)) await untilSuccessor(process.pid)
    const { pid } = storedQueue(pool)[1]?.process ?? { pid: 0 }
    await until('it handles signals', () => handles(pid, 10))
    reserving.kill('SIGUSR1')
    expect(await reserving.exited).toBe(130)
    await done(finished(startBuild(newer, pool, 'release')))
    const { status, stdout } = await waiter
    expect({ status, stdout }).toEqual({ status: 0, stdout: before.stdout })
  },
)

/** Whether the process has a handler for the signal. */
function handles(pid: number, signal: number): boolean {
  const mask = /SigCgt:\t(\w+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n
}
