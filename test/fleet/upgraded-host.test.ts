import { expect } from 'bun:test'
import { symlinkSync, unlinkSync } from 'node:fs'
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
    const [entry] = await until('it waits', () => (storedQueue(pool).length === 1 ? storedQueue(pool) : null))
    pool.install(newer)
    await done(finished(startBuild(newer, pool, 'status')))
    await untilSuccessor(entry?.process.pid ?? 0)
    await done(finished(startBuild(newer, pool, 'release')))
    const { status, stdout } = await waiter
    expect({ status, stdout }).toEqual({ status: 0, stdout: before.stdout })
  },
)
