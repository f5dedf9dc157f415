import { expect } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { storedPool } from '../support/database.ts'
import { sharedFleet, testFleet } from '../support/fleet.ts'
import { child } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { finished, testPool } from '../support/pool.ts'
import type { SshHost } from '../support/ssh-host.ts'
import { until } from '../support/until.ts'

/** Where a request may start or wait is decided by each host. */
const fleetTest = needing('ssh', 'sshd')

fleetTest.describe('run --host any, and the rules of a host', () => {
  const fleet = sharedFleet(2, 2)

  const any = (verb: string, ...args: string[]) => fleet.caller.start(verb, '--host', 'any', ...args)
  const run = (...args: string[]) => finished(any('run', ...args))
  const queueOf = (host: SshHost) => storedPool(host.pool).queue
  const group = () => Bun.spawnSync(['id', '-gn']).stdout.toString().trim()

  fleetTest.test('nobody is overtaken: a free GPU that a waiter needs starts nothing', async () => {
    await fleet.host.pool.chg('reserve', '--duration', '1h')
    const waiter = fleet.host.pool.start('run', '--wait', '--gpus', '2', '--timeout', '30m', '--', 'true')
    await until('it waits', () => queueOf(fleet.host).length === 1)
    expect((await run('--', 'true')).stderr).toStartWith('Host gpu2\n')
    await fleet.other.pool.chg('reserve', '--gpus', '2', '--duration', '3h')
    expect((await run('--', 'true')).status).toBe(75)
    const last = any('run', '--wait', '--', 'true')
    await until('it waits behind the other one', () => queueOf(fleet.host).length === 2)
    expect(queueOf(fleet.host)[0]?.process.pid).toBe(waiter.pid)
    await fleet.host.pool.chg('release')
    expect(await Promise.all([waiter.exited, last.exited])).toEqual([0, 0])
  })

  for (const [whom, scope] of [
    ['an account', () => []],
    ['a group', () => ['--group', group()]],
  ] as const) {
    fleetTest.test(`a host whose limit for ${whom} never allows it is left out`, async () => {
      expect((await fleet.host.pool.chg('policy', 'set', 'max-gpus', '1', ...scope())).status).toBe(0)
      expect((await run('--gpus', '2', '--', 'true')).stderr).toStartWith('Host gpu2\n')
      await fleet.other.pool.chg('reserve', '--duration', '3h')
      const waiter = any('run', '--wait', '--gpus', '2', '--', 'true')
      await until('it waits on gpu2', () => queueOf(fleet.other).length === 1)
      await fleet.other.pool.chg('release')
      expect(await waiter.exited).toBe(0)
      await fleet.host.pool.chg('policy', 'unset', 'max-gpus', ...scope())
    })
  }

  fleetTest.test('no host allows it: the limit is the reason', async () => {
    for (const { pool } of fleet.hosts) await pool.chg('policy', 'set', 'max-gpus', '1')
    const { status, stderr } = await run('--json', '--gpus', '2', '--', 'true')
    for (const { pool } of fleet.hosts) await pool.chg('policy', 'unset', 'max-gpus')
    expect([status, JSON.parse(stderr).error.code]).toEqual([2, 'impossible-request'])
  })

  fleetTest.test('an account that a host does not have', async () => {
    fleet.caller.env.CANHAZGPU_REMOTE_HOSTS = 'no-such-account@gpu1,gpu2'
    expect((await run('--', 'true')).stderr).toStartWith('Host gpu2\n')
    fleet.caller.env.CANHAZGPU_REMOTE_HOSTS = 'no-such-account@gpu1'
    const { status, stderr } = await run('--', 'true')
    fleet.caller.env.CANHAZGPU_REMOTE_HOSTS = 'gpu1,gpu2'
    expect(status).toBe(69)
    expect(stderr).toContain('Cannot reach gpu1: ')
    expect(stderr).toContain('Permission denied')
  })

  for (const [what, script] of [
    ['that does not know such requests', 'echo "Error: Unknown command __remote" >&2; exit 2'],
    ['that knows no forecasts', `exec $REAL __remote ${Buffer.from('{"version":1}').toString('base64url')}`],
    [
      'of another version of requests',
      `exec $REAL __remote ${Buffer.from('{"version":7,"program":"9.9.9"}').toString('base64url')}`,
    ],
  ] as const) {
    fleetTest.test(`a canhazgpu ${what} is left out`, async () => {
      using _ = fleet.host.replaceProgram(script)
      expect((await run('--', 'true')).stderr).toStartWith('Host gpu2\n')
      fleet.caller.env.CANHAZGPU_REMOTE_HOSTS = 'gpu1'
      const { stderr } = await run('--json', '--', 'true')
      fleet.caller.env.CANHAZGPU_REMOTE_HOSTS = 'gpu1,gpu2'
      expect(JSON.parse(stderr).error.code).toBe('host-incompatible')
    })
  }

  fleetTest.test('--wait with a time: when it is over, the request has left the queue', async () => {
    for (const { pool } of fleet.hosts) await pool.chg('reserve', '--gpus', '2')
    const { status, stderr } = await run('--wait', '1s', '--json', '--', 'true')
    expect(status).toBe(75)
    expect(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '').error.code).toBe('wait-timed-out')
    expect([...queueOf(fleet.host), ...queueOf(fleet.other)]).toEqual([])
  })

  fleetTest.test('a configuration of this host lets it wait', async () => {
    await fleet.host.pool.chg('reserve', '--gpus', '2', '--duration', '1h')
    await fleet.other.pool.chg('reserve', '--gpus', '2', '--duration', '2h')
    fleet.caller.env.CANHAZGPU_RUN_WAIT = '1s'
    const { status, stderr } = await run('--', 'true')
    delete fleet.caller.env.CANHAZGPU_RUN_WAIT
    expect(status).toBe(75)
    expect(stderr).toStartWith('No host can start it now: waiting on gpu1\n')
  })

  fleetTest.test('--timeout counts in the forecast, and its host enforces it', async () => {
    await fleet.host.pool.chg('reserve', '--gpus', '2')
    const { status, stderr } = await run('--wait', '--timeout', '1s', '--grace', '1s', '--', child('forever'))
    expect(status).toBe(130)
    expect(stderr).toStartWith('Host gpu2\n')
    expect(stderr).toContain('Time limit')
  })

  fleetTest.test('a booking or a claim needs one host, and asking performs neither', async () => {
    for (const words of [['--at', 'in 1h', '--duration', '1h'], ['--claim']]) {
      const { status, stderr } = await finished(any('reserve', ...words))
      expect(status).toBe(2)
      expect(stderr).toContain(`${words[0]} needs one host`)
    }
    for (const { pool } of fleet.hosts) expect(storedPool(pool).bookings ?? []).toEqual([])
    const released = await finished(any('release'))
    expect(released).toMatchObject({ status: 2, stderr: expect.stringContaining('release needs one host') })
  })
})

fleetTest.test('a command that starts here has no process of the question', async () => {
  using fleet = await testFleet(1)
  using here = await testPool(1)
  Object.assign(here.env, { CANHAZGPU_REMOTE_HOSTS: 'gpu1,gpu2', CANHAZGPU_HOST_NAME: 'here' })
  // One host is fast, and one never answers.
  const ssh = `${here.folder}/ssh`
  const script = `#!/bin/sh\nfor last; do :; done\ncase "$*" in *gpu2*) exec sleep 1000;; esac\nexec ${fleet.caller.folder}/ssh/ssh "$@"\n`
  writeFileSync(ssh, script, { mode: 0o755 })
  here.env.PATH = `${here.folder}:${here.env.PATH}`
  const command = ['sh', '-c', 'echo $(cat /proc/$$/task/$$/children)']
  const { stdout, stderr } = await here.chg('run', '--host', 'any', '--', ...command)
  expect(stderr).toStartWith('Host here\n')
  // The shell itself starts one for the substitution.
  expect(stdout.trim().split(' ')).toHaveLength(1)
})
