import { expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { storedPool } from '../support/database.ts'
import { sharedFleet, testFleet } from '../support/fleet.ts'
import { needing } from '../support/needs.ts'
import { testPool } from '../support/pool.ts'
import { until } from '../support/until.ts'

const fleetTest = needing('ssh', 'sshd')

fleetTest.describe('run --host any', () => {
  const fleet = sharedFleet(1, 4)

  const run = (...args: string[]) => fleet.caller.chg('run', '--host', 'any', ...args)
  fleetTest.test('it starts on a host that can start it now, and says which', async () => {
    await fleet.host.pool.chg('reserve')
    const { status, stdout, stderr } = await run(
      '--gpus',
      '1',
      '--',
      'sh',
      '-c',
      'echo $CUDA_VISIBLE_DEVICES',
    )
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: '0\n',
      stderr: 'Host gpu2\nReserved 1 GPU(s): [0] for command execution\n',
    })
  })

  fleetTest.test('a host that is too small, or does not answer, is left out', async () => {
    expect((await run('--gpus', '4', '--', 'true')).stderr).toStartWith('Host gpu2\n')
    await fleet.other.stop()
    expect((await run('--', 'true')).stderr).toStartWith('Host gpu1\n')
    await fleet.other.restart()
  })

  fleetTest.test('without --wait it is refused if no host can start it now', async () => {
    await fleet.host.pool.chg('reserve', '--duration', '1h')
    await fleet.other.pool.chg('reserve', '--gpus', '4', '--duration', '30m')
    const { status, stderr } = await run('--', 'true')
    expect(status).toBe(75)
    expect(stderr).toMatch(
      /^Error: No host can start it now - --wait waits on the host with the earliest start: gpu2, earliest (tomorrow )?\d\d:\d\d\n$/,
    )
  })

  fleetTest.test('with --wait it joins the queue with the earliest forecast', async () => {
    await fleet.host.pool.chg('reserve', '--duration', '1h')
    await fleet.other.pool.chg('reserve', '--gpus', '4', '--duration', '30m')
    const process = fleet.caller.start('run', '--host', 'any', '--wait', '--', 'echo', 'done')
    await until('it waits on gpu2', () => storedPool(fleet.other.pool).queue.length === 1)
    expect(storedPool(fleet.host.pool).queue).toEqual([])
    await fleet.other.pool.chg('release')
    expect(await process.exited).toBe(0)
    expect(await new Response(process.stdout).text()).toBe('done\n')
    expect(await new Response(process.stderr).text()).toStartWith(
      'No host can start it now: waiting on gpu2\n',
    )
  })

  fleetTest.test('failures that all hosts share are those of one host', async () => {
    const tooMany = await run('--gpus', '9', '--', 'true')
    expect(tooMany.status).toBe(2)
    expect(tooMany.stderr).toContain(
      'Error: gpu1: Cannot reserve 9 GPUs: this pool has 1 GPU (ID 0) - gpu2: Cannot reserve 9 GPUs',
    )
    expect((await run('--', 'no-such-program')).status).toBe(127)
  })

  fleetTest.test('reserve --host any', async () => {
    const { status, stdout, stderr } = await fleet.caller.chg(
      'reserve',
      '--host',
      'any',
      '--gpus',
      '2',
      '--json',
    )
    expect({ status, stderr }).toEqual({ status: 0, stderr: '{"host":"gpu2"}\n' })
    expect(JSON.parse(stdout).gpus).toHaveLength(2)
    expect(storedPool(fleet.other.pool).reservations).toHaveLength(1)
  })

  fleetTest.test('a forecast changes nothing on any host', async () => {
    const before = fleet.hosts.map(({ pool }) => storedPool(pool).reservations)
    await run('--gpus', '9', '--', 'true')
    expect(fleet.hosts.map(({ pool }) => storedPool(pool).reservations)).toEqual(before)
  })
})

fleetTest.test('run --host any runs here if this host can start it', async () => {
  using fleet = await testFleet(1)
  using here = await testPool(1)
  Object.assign(here.env, {
    PATH: fleet.caller.env.PATH,
    CANHAZGPU_REMOTE_HOSTS: 'gpu1',
    CANHAZGPU_HOST_NAME: 'here',
  })
  const local = await here.chg('run', '--host', 'any', '--', 'sh', '-c', 'echo $$ $PPID')
  expect(local).toMatchObject({
    status: 0,
    stderr: 'Host here\nReserved 1 GPU(s): [0] for command execution\n',
  })
  await here.chg('reserve')
  expect((await here.chg('run', '--host', 'any', '--', 'true')).stderr).toStartWith('Host gpu1\n')
  expect((await here.chg('run', '--host', 'here', '--', 'true')).status).toBe(75)
})

fleetTest.test('if no host answers, that is the reason', async () => {
  using fleet = await testFleet(1)
  await fleet.host.stop()
  const { status, stderr } = await fleet.caller.chg('run', '--host', 'any', '--', 'true')
  expect(status).toBe(69)
  expect(stderr).toContain('Cannot reach gpu1: ')
})

test('a host that prints without end before it grants GPUs is left out, with the reason', async () => {
  using caller = await testPool(0)
  const ssh = join(caller.folder, 'endless')
  mkdirSync(ssh)
  const lines = [
    '#!/bin/sh',
    "printf 'canhazgpu-remote 1\\n'",
    `if mkdir ${ssh}/asked; then printf 'O\\0\\0\\0\\016{"kind":"now"}X\\0\\0\\0\\012{"code":0}'; exit; fi`,
    "while printf 'O\\0\\0\\020\\0' && head -c 4096 /dev/zero; do :; done",
  ]
  writeFileSync(join(ssh, 'ssh'), lines.join('\n'), { mode: 0o755 })
  Object.assign(caller.env, { PATH: `${ssh}:${caller.env.PATH}`, CANHAZGPU_REMOTE_HOSTS: 'gpu1' })
  const { status, stdout, stderr } = await caller.chg('run', '--host', 'any', '--', 'true')
  expect({ status, stdout }).toEqual({ status: 125, stdout: '' })
  expect(stderr).toContain('canhazgpu does not answer on gpu1: it prints too much before it has GPUs')
})
