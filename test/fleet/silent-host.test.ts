import { expect, test } from 'bun:test'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { sharedFleet } from '../support/fleet.ts'
import { untilAllFree } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { binary, finished } from '../support/pool.ts'
import { kill, pidsWith } from '../support/processes.ts'
import { until } from '../support/until.ts'

/** It answers when it could start the command, and then nothing but pings. */
const ONLY_PONGS = `first && exec $REAL "$@"
printf 'canhazgpu-remote 1\\n'
while printf 'P\\0\\0\\0\\0'; do sleep 1; done`

needing('ssh', 'sshd').describe('a host that gives no answer, or none that is over', () => {
  const fleet = sharedFleet(1, 1)

  /** Runs `ssh` with another process that keeps its pipes open. Returns the PATH that finds this `ssh`. */
  function sshWithCompanion(): string {
    const { folder, env } = fleet.caller
    mkdirSync(`${folder}/companion`, { recursive: true })
    const script = `#!/bin/sh\nCOMPANION=${folder} sleep 1000 &\nexec ${folder}/ssh/ssh "$@"\n`
    writeFileSync(`${folder}/companion/ssh`, script, { mode: 0o755 })
    return `${folder}/companion:${env.PATH}`
  }

  const companions = () => pidsWith(`COMPANION=${fleet.caller.folder}`)

  test('ssh has failed, and another process holds its pipes: the caller ends with the reason', async () => {
    const path = sshWithCompanion()
    await fleet.host.stop()
    const { status, stderr } = await fleet.caller.sh(`PATH=${path} $CHG run --host gpu1 -- true`)
    expect(companions()).toHaveLength(1)
    for (const pid of companions()) kill(pid, 'SIGKILL')
    await fleet.host.restart()
    expect(status).toBe(69)
    expect(stderr).toContain('Connection refused')
  })

  test('ssh has ended during the command, and another process holds its pipes: the caller ends', async () => {
    const env = { ...fleet.caller.env, PATH: sshWithCompanion() }
    const caller = Bun.spawn(
      [binary, 'run', '--host', 'gpu1', '--', 'sh', '-c', 'echo ready; exec sleep 1000'],
      {
        ...{ env, cwd: fleet.caller.folder, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
      },
    )
    await caller.stdout.getReader().read()
    for (const pid of fleet.host.sessions()) kill(pid, 'SIGKILL')
    expect(await caller.exited).toBe(255)
    expect(companions()).toHaveLength(1)
    for (const pid of companions()) kill(pid, 'SIGKILL')
    await untilAllFree(fleet.host.pool)
  })

  test('a host that only answers pings does not keep run --host any from the next one', async () => {
    using _ = fleet.host.replaceProgram(ONLY_PONGS)
    const { status, stderr } = await finished(fleet.caller.start('run', '--host', 'any', '--', 'true'))
    expect(status).toBe(0)
    expect(stderr).toStartWith('Host gpu2\n')
  })

  test('Ctrl-C while a host is to start the command ends run --host any', async () => {
    using _ = fleet.host.replaceProgram(
      ONLY_PONGS.replace('printf', `touch ${fleet.caller.folder}/called; printf`),
    )
    const caller = fleet.caller.start('run', '--host', 'any', '--', 'true')
    await until('it is called', () => existsSync(`${fleet.caller.folder}/called`))
    // Its greeting may be on its way; it gives no other sign.
    await until('Ctrl-C ends it', () => {
      caller.kill('SIGINT')
      return caller.exitCode !== null
    })
    expect(caller.exitCode).toBe(130)
    expect(await new Response(caller.stderr).text()).toBe('Error: Interrupted while connecting to gpu1\n')
  })
})
