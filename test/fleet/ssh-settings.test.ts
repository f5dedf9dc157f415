import { expect, test } from 'bun:test'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { sharedFleet } from '../support/fleet.ts'
import { untilAllFree } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { kill } from '../support/processes.ts'
import { ownName } from '../support/unix-users.ts'
import { until } from '../support/until.ts'

/**
 * The settings of `ssh` for an account apply. In these tests each host is already an alias there, with an address, a
 * port, an account and a key (test/support/ssh-host.ts).
 */
needing('ssh', 'sshd').describe('run --host and the settings of ssh', () => {
  const fleet = sharedFleet(1, 1)

  const echo = (host: string) => fleet.caller.chg('run', '--host', host, '--', 'echo', 'hello')

  /** Adds lines to the settings for a host, for one test. */
  function withSettings(host: string, ...lines: string[]): Disposable {
    const file = `${fleet.caller.folder}/ssh/config-${host}`
    const before = readFileSync(file)
    appendFileSync(file, lines.map((line) => `  ${line}\n`).join(''))
    return { [Symbol.dispose]: () => writeFileSync(file, before) }
  }

  test('a jump host', async () => {
    using _ = withSettings('gpu2', 'ProxyJump gpu1')
    const jumped = fleet.host.sessions().length
    const caller = fleet.caller.start(
      'run',
      '--host',
      'gpu2',
      '--',
      'sh',
      '-c',
      'echo ready; exec sleep 1000',
    )
    await caller.stdout.getReader().read()
    expect(fleet.host.sessions().length).toBeGreaterThan(jumped)
    // Its loss is that of the connection.
    for (const pid of fleet.host.sessions()) kill(pid, 'SIGKILL')
    expect(await caller.exited).toBe(255)
  })

  test('connections that are shared and stay open', async () => {
    const sockets = `${fleet.caller.folder}/sockets`
    mkdirSync(sockets)
    const shared = ['ControlMaster auto', `ControlPath ${sockets}/%n`, 'ControlPersist yes']
    using _ = withSettings('gpu1', ...shared)
    expect(await echo('gpu1')).toMatchObject({ status: 0, stdout: 'hello\n' })
    expect(readdirSync(sockets)).toEqual([])
    expect((await fleet.caller.sh('ssh gpu1 true')).status).toBe(0)
    expect(await echo('gpu1')).toMatchObject({ status: 0, stdout: 'hello\n' })
    const caller = fleet.caller.start(
      'run',
      '--host',
      'gpu1',
      '--',
      'sh',
      '-c',
      'echo ready; exec sleep 1000',
    )
    await caller.stdout.getReader().read()
    // The connection stays, and the session in it ends.
    kill(caller.pid, 'SIGKILL')
    await untilAllFree(fleet.host.pool)
    expect(fleet.host.sessions().length).toBeGreaterThan(0)
    expect((await fleet.caller.sh('ssh -O exit gpu1')).status).toBe(0)
    await until('the connection has ended', () => fleet.host.sessions().length === 0)
  })

  test('the end of a view does not end a command that found its connection', async () => {
    const { caller, host } = fleet
    const sockets = `${caller.folder}/views`
    mkdirSync(sockets)
    using _ = withSettings('gpu1', 'ControlMaster auto', `ControlPath ${sockets}/%n`)
    using __ = host.replaceProgram(
      `first && { touch ${sockets}/asked; while [ ! -e ${sockets}/go ]; do sleep 0.1; done; }; exec $REAL "$@"`,
    )
    const view = caller.start('status', '--host', 'gpu1')
    await until('the host is asked', () => existsSync(`${sockets}/asked`))
    const running = caller.start('run', '--host', 'gpu1', '--', 'sh', '-c', 'echo ready; exec sleep 1000')
    await running.stdout.getReader().read()
    writeFileSync(`${sockets}/go`, '')
    expect(await view.exited).toBe(0)
    running.kill('SIGTERM')
    await running.exited
    expect(running.signalCode).toBe('SIGTERM')
  })

  test('hosts of a configuration file, with an account', async () => {
    const file = `${fleet.caller.folder}/hosts.yaml`
    writeFileSync(file, `remote_hosts: [${ownName()}@gpu2]\n`)
    const configured = (host: string) =>
      fleet.caller.sh(`unset CANHAZGPU_REMOTE_HOSTS; $CHG --config ${file} run --host ${host} -- echo hello`)
    expect(await configured('gpu2')).toMatchObject({ status: 0, stdout: 'hello\n' })
    expect((await configured('gpu1')).status).toBe(2)
  })

  test('a name that ssh would take for an option is refused in the configuration too', async () => {
    fleet.caller.env.CANHAZGPU_REMOTE_HOSTS = '-oProxyCommand=touch,gpu1'
    const { status, stderr } = await echo('gpu1')
    fleet.caller.env.CANHAZGPU_REMOTE_HOSTS = 'gpu1,gpu2'
    expect(status).not.toBe(0)
    expect(stderr).toContain('expected a list of different host names such as [gpu1, ann@gpu2]')
  })
})
