import { expect } from 'bun:test'
import { storedPool } from '../support/database.ts'
import { sharedFleet } from '../support/fleet.ts'
import { needing } from '../support/needs.ts'
import { binary, finished, testPool } from '../support/pool.ts'
import { kill } from '../support/processes.ts'
import type { SshHost } from '../support/ssh-host.ts'
import { until } from '../support/until.ts'

/** What happens between the answer of a host and the start there. */
const fleetTest = needing('ssh', 'sshd')

fleetTest.describe('run --host any, and a host that has changed', () => {
  const fleet = sharedFleet(1, 1)

  const start = (...args: string[]) => fleet.caller.start('run', '--host', 'any', ...args)
  const reserve = (host: SshHost, duration: string) => host.pool.chg('reserve', '--duration', duration)
  const queueOf = (host: SshHost) => storedPool(host.pool).queue
  /** Somebody else takes the GPU after the answer. */
  const TAKEN = 'first || $REAL reserve --duration 2h > /dev/null 2>&1\nexec $REAL "$@"'

  fleetTest.test('others were faster: it asks again, and waits where it can start first', async () => {
    using _ = fleet.host.replaceProgram(TAKEN)
    await reserve(fleet.other, '30m')
    const caller = start('--wait', '--', 'true')
    await until('it waits on gpu2', () => queueOf(fleet.other).length === 1)
    expect(queueOf(fleet.host)).toEqual([])
    await fleet.other.pool.chg('release')
    const { status, stderr } = await finished(caller)
    expect(status).toBe(0)
    expect(stderr).toStartWith('No host can start it now: waiting on gpu2\n')
  })

  fleetTest.test('others were faster: without --wait it is refused', async () => {
    using _ = fleet.host.replaceProgram(TAKEN)
    await reserve(fleet.other, '30m')
    const { status, stderr } = await finished(start('--', 'true'))
    expect(status).toBe(75)
    expect(stderr).toMatch(/^Error: No host can start it now - .*: gpu2, earliest [^\n]*\n$/)
  })

  fleetTest.test(
    'a host that always refuses what it has promised is waited for like a busy one',
    async () => {
      using _ = fleet.host.replaceProgram(
        'case $(echo "$2" | base64 -d 2> /dev/null) in *forecast*) exec $REAL "$@";; esac\nexec env CANHAZGPU_STORE=sqlite:///nowhere/pool.db $REAL "$@"',
      )
      expect((await finished(start('--', 'true'))).stderr).toStartWith('Host gpu2\n')
      await reserve(fleet.other, '30m')
      expect((await finished(start('--', 'true'))).status).toBe(75)
    },
  )

  fleetTest.test('two callers at once: one starts, and the other one waits', async () => {
    await reserve(fleet.other, '2h')
    const go = `${fleet.caller.folder}/go`
    const script = `until [ -e ${go} ]; do sleep 0.01; done`
    const callers = [1, 2].map(() => start('--wait', '--', 'sh', '-c', script))
    await until('one runs and one waits', () => {
      const { reservations, queue } = storedPool(fleet.host.pool)
      return reservations.length === 1 && queue.length + queueOf(fleet.other).length === 1
    })
    // The limit of the other one is two hours, and the run here has none.
    expect(queueOf(fleet.other)).toHaveLength(1)
    await Bun.write(go, '')
    await fleet.other.pool.chg('release')
    expect(await Promise.all(callers.map(({ exited }) => exited))).toEqual([0, 0])
  })

  fleetTest.test('others were faster on this host: another one starts it', async () => {
    using here = await testPool(1)
    const { PATH = '', CANHAZGPU_REMOTE_HOSTS = '' } = fleet.caller.env
    Object.assign(here.env, { PATH, CANHAZGPU_REMOTE_HOSTS, CANHAZGPU_HOST_NAME: 'here' })
    const slow = `${here.folder}/slow.json`
    await Bun.write(slow, '{"delay_ms": 3000}')
    // Its driver is slow, so that the other request is first.
    const child = Bun.spawn([binary, 'run', '--host', 'any', '--', 'true'], {
      ...{ env: { ...here.env, CANHAZGPU_FAKE_USAGE: slow }, stdout: 'pipe', stderr: 'pipe' },
    })
    const stderr = child.stderr.getReader()
    expect(new TextDecoder().decode((await stderr.read()).value)).toBe('Host here\n')
    expect((await here.chg('reserve')).status).toBe(0)
    expect(new TextDecoder().decode((await stderr.read()).value)).toStartWith('Host gpu1\n')
    expect(await child.exited).toBe(0)
  })

  fleetTest.test('a host goes away after its answer: the next one starts it', async () => {
    using _ = fleet.host.replaceProgram('first && exec $REAL "$@"\nkill -9 $PPID')
    const { status, stderr } = await finished(start('--', 'true'))
    expect(status).toBe(0)
    expect(stderr).toStartWith('Host gpu2\n')
  })

  fleetTest.test('a host goes away while the request waits there: it waits on another one', async () => {
    await reserve(fleet.host, '2h')
    await reserve(fleet.other, '30m')
    const caller = start('--wait', '--', 'true')
    await until('it waits on gpu2', () => queueOf(fleet.other).length === 1)
    const sessions = fleet.other.sessions()
    await fleet.other.stop()
    for (const pid of sessions) kill(pid, 'SIGKILL')
    await until('it waits on gpu1', () => queueOf(fleet.host).length === 1)
    await until('it does not wait on gpu2', () => queueOf(fleet.other).length === 0)
    await fleet.host.pool.chg('release')
    const { status, stderr } = await finished(caller)
    expect(status).toBe(0)
    expect(stderr).toMatch(/^No host can start it now: waiting on gpu2$/m)
    expect(stderr).toMatch(/^Cannot reach gpu2: .*: asking the other hosts$/m)
    expect(stderr).toMatch(/^No host can start it now: waiting on gpu1$/m)
    await fleet.other.restart()
  })

  fleetTest.test('a host that answers and then cannot run it is left out', async () => {
    using _ = fleet.host.replaceProgram(
      `first && exec $REAL "$@"\nprintf 'canhazgpu-remote 1\\nF\\0\\0\\0\\002{}'`,
    )
    const { status, stderr } = await finished(start('--', 'true'))
    expect(status).toBe(0)
    expect(stderr).toStartWith('Host gpu2\n')
  })
})
