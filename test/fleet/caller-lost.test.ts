import { expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { GREETING } from '../../src/domain/fleet/frames.ts'
import { storedPool } from '../support/database.ts'
import { sharedFleet, waitingCaller } from '../support/fleet.ts'
import { untilAllFree } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import type { Child } from '../support/pool.ts'
import { kill, parentOf, pidsWith } from '../support/processes.ts'
import { until } from '../support/until.ts'

needing('ssh', 'sshd', 'ps').describe('a lost end of run --host', () => {
  const fleet = sharedFleet(1)

  const marker = () => `${fleet.caller.folder}/got`
  /** A command that notes the signal that ends it. */
  async function started(): Promise<Child> {
    rmSync(marker(), { force: true })
    const traps = ['HUP', 'TERM'].map((each) => `trap 'echo ${each} > ${marker()}; exit' ${each}`).join('; ')
    const process = fleet.caller.start(
      ...[
        'run',
        '--host',
        'gpu1',
        '--',
        'sh',
        '-c',
        `${traps}; echo ready; exec 2> /dev/null; while :; do sleep 0.01; done`,
      ],
    )
    await process.stdout.getReader().read()
    return process
  }

  const waiting = (): Promise<Child> => waitingCaller(fleet, 'true')

  const ssh = () => programs(fleet.caller.store, 'ssh')
  const server = () => programs(fleet.host.pool.store, '__remote')
  /** Processes of a pool with this word at the begin of their command lines. */
  function programs(store: string, word: string): number[] {
    return pidsWith(`CANHAZGPU_STORE=${store}`).filter((pid) => {
      const [program = '', verb] = wordsOf(pid)
      return program.split('/').at(-1) === word || verb === word
    })
  }

  /** None for a process that has ended meanwhile. */
  function wordsOf(pid: number): string[] {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    } catch {
      return []
    }
  }

  const gotHangUp = () =>
    until(
      'the command got SIGHUP',
      async () => (await Bun.file(marker()).exists()) && readFileSync(marker(), 'utf8') === 'HUP\n',
    )

  test('kill -9 of the caller: the command gets SIGHUP', async () => {
    kill((await started()).pid, 'SIGKILL')
    await gotHangUp()
    await untilAllFree(fleet.host.pool)
  })

  test('a command that handles SIGHUP can still write, and keeps its GPU until it ends', async () => {
    const words = `${fleet.caller.folder}/words`
    const script = `trap 'echo last words; echo last errors >&2; echo done > ${words}; exit' HUP; echo ready; while :; do sleep 0.01; done`
    const caller = fleet.caller.start('run', '--host', 'gpu1', '--', 'sh', '-c', script)
    await caller.stdout.getReader().read()
    kill(caller.pid, 'SIGKILL')
    await until('it has ended in order', () => Bun.file(words).exists())
    await untilAllFree(fleet.host.pool)
  })

  test('kill -9 of ssh: the command gets SIGHUP, and the caller says that the connection is lost', async () => {
    const caller = await started()
    for (const pid of ssh()) kill(pid, 'SIGKILL')
    await gotHangUp()
    expect(await caller.exited).toBe(255)
    expect(await new Response(caller.stderr).text()).toContain('Error: The connection to gpu1 was lost - ')
  })

  test('kill -9 of our server process there: the command gets SIGHUP', async () => {
    const caller = await started()
    for (const pid of server()) kill(pid, 'SIGKILL')
    await gotHangUp()
    expect(await caller.exited).toBe(255)
  })

  test('kill -9 of the SSH server process there: the command gets SIGHUP', async () => {
    const caller = await started()
    for (const pid of fleet.host.sessions()) kill(pid, 'SIGKILL')
    await gotHangUp()
    expect(await caller.exited).toBe(255)
  })

  test('a waiter whose caller is killed leaves the queue at once', async () => {
    kill((await waiting()).pid, 'SIGKILL')
    await until('the queue is empty', () => storedPool(fleet.host.pool).queue.length === 0)
  })

  test('a waiter whose server process is killed leaves the queue at once, and the caller hears it', async () => {
    const caller = await waiting()
    for (const pid of server()) kill(pid, 'SIGKILL')
    await until('the queue is empty', () => storedPool(fleet.host.pool).queue.length === 0)
    expect(await caller.exited).toBe(69)
  })

  test('a waiter that is killed there ends the caller', async () => {
    const caller = await waiting()
    const [entry] = storedPool(fleet.host.pool).queue
    kill(entry?.process.pid ?? 0, 'SIGKILL')
    await caller.exited
    expect(caller.signalCode).toBe('SIGKILL')
    expect((await fleet.host.pool.chg('queue')).stdout).toBe('Nobody is waiting\n')
  })

  test('a host that cannot be reached: a line and a code of its own', async () => {
    await fleet.host.stop()
    const { status, stderr, stdout } = await fleet.caller.chg('run', '--host', 'gpu1', '--', 'true')
    expect({ status, stdout }).toEqual({ status: 69, stdout: '' })
    expect(stderr).toMatch(
      /^Error: Cannot reach gpu1: .*Connection refused - this command has reserved nothing there; try: ssh gpu1 true\n$/,
    )
    const { error } = JSON.parse((await fleet.caller.chg('release', '--host', 'gpu1', '--json')).stderr)
    expect(error.code).toBe('host-unreachable')
    await fleet.host.restart()
  })

  test('a host without canhazgpu: the remedy', async () => {
    using _ = fleet.host.replaceProgram('echo canhazgpu: not found >&2; exit 127')
    const { status, stderr } = await fleet.caller.chg('run', '--host', 'gpu1', '--', 'true')
    expect(status).toBe(125)
    expect(stderr).toMatch(
      /^Error: canhazgpu does not answer on gpu1: .*not found - install this version there/,
    )
  })

  test('another version of requests is refused with both versions', async () => {
    const request = (fields: object) =>
      Buffer.from(JSON.stringify({ version: 1, program: '9.9.9', operation: 'command', ...fields })).toString(
        'base64url',
      )
    const answer = async (argument: string) => (await fleet.host.pool.chg('__remote', argument)).stdout
    const newer = await answer(request({ version: 7 }))
    expect(newer).toStartWith(GREETING)
    expect(newer).toMatch(/understands version 1 of requests, and canhazgpu 9\.9\.9 here sends version 7/)
    for (const wrong of [
      '',
      '!',
      'e30',
      request({}),
      request({ command: 'admin', words: [], environment: [] }),
      'A'.repeat(120_001),
    ]) {
      expect(await answer(wrong)).toMatch(
        /"code":"host-incompatible","message":"canhazgpu [^ ]+ there does not understand/,
      )
    }
  })

  test('no process of ours stays behind', async () => {
    const caller = await started()
    const [pid = 0] = server()
    expect(parentOf(pid)).toBeGreaterThan(1)
    kill(caller.pid, 'SIGTERM')
    expect(await caller.exited).toBe(0)
    await until('they have ended', () => server().length === 0 && ssh().length === 0)
  })
})
