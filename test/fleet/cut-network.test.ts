import { expect } from 'bun:test'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { storedPool } from '../support/database.ts'
import { networkFleet, type TestFleet, waitingCaller } from '../support/fleet.ts'
import { untilAllFree } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { type TestNetwork, testNetwork } from '../support/network.ts'
import { type Child, finished } from '../support/pool.ts'
import { until } from '../support/until.ts'

/** Each test has a network of its own. They mostly wait for deadlines, so they run at the same time. */
const networkTest = needing('ssh', 'sshd', 'networks').concurrent

interface Running {
  readonly caller: Child
  readonly output: ReadableStreamDefaultReader<Uint8Array>
}

/** A command on the host that has started, and has printed a line. */
async function running({ caller: { start } }: TestFleet, script: string): Promise<Running> {
  const caller = start('run', '--host', 'gpu1', '--', 'sh', '-c', `echo ready; ${script}`)
  const output = caller.stdout.getReader()
  await output.read()
  return { caller, output }
}

/** A command that notes SIGHUP in this file. */
const notesHangUp = (file: string) => `trap 'echo HUP > ${file}; exit' HUP; while :; do sleep 0.05; done`

const hasServer = ({ host }: TestFleet) => host.sessions().length > 0

networkTest('a waiter leaves the queue after 20 s, and its caller says so', async () => {
  using network = await testNetwork()
  using fleet = await networkFleet(network)
  const caller = await waitingCaller(fleet, 'true')
  network.cut()
  const { status, stderr } = await finished(caller)
  expect(status).toBe(69)
  expect(stderr).toContain(
    'Error: Cannot reach gpu1: no answer for 20 s - this command has reserved nothing there',
  )
  await until('it has left the queue', () => storedPool(fleet.host.pool).queue.length === 0)
  network.mend()
  await until('its connection has ended', () => !hasServer(fleet))
})

networkTest('a grant during the cut is returned after 20 s, and its command never starts', async () => {
  using network = await testNetwork()
  using fleet = await networkFleet(network)
  const marker = `${fleet.caller.folder}/ran`
  const caller = await waitingCaller(fleet, 'touch', marker)
  network.cut()
  await fleet.host.pool.chg('release')
  await until('it is granted', () => storedPool(fleet.host.pool).reservations.length === 1)
  expect((await finished(caller)).status).toBe(69)
  await untilAllFree(fleet.host.pool)
  network.mend()
  await until('its connection has ended', () => !hasServer(fleet))
  expect(existsSync(marker)).toBe(false)
})

networkTest('only the host is heard no longer: a grant is returned when the caller gives up', async () => {
  using network = await testNetwork()
  using fleet = await networkFleet(network)
  const marker = `${fleet.caller.folder}/ran`
  const caller = await waitingCaller(fleet, 'touch', marker)
  network.cutFrom('host')
  await fleet.host.pool.chg('release')
  await until('it is granted', () => storedPool(fleet.host.pool).reservations.length === 1)
  expect((await finished(caller)).status).toBe(69)
  await untilAllFree(fleet.host.pool)
  expect(existsSync(marker)).toBe(false)
})

networkTest('only the caller is heard no longer: the host says why the request has ended', async () => {
  using network = await testNetwork()
  using fleet = await networkFleet(network)
  const caller = await waitingCaller(fleet, 'true')
  network.cutFrom('caller')
  await until('it has left the queue', () => storedPool(fleet.host.pool).queue.length === 0)
  const { status, stderr } = await finished(caller)
  expect(status).toBe(69)
  expect(stderr).toMatch(/^Error: (gpu1: the caller was silent|Cannot reach gpu1: no answer) for 20 s/m)
})

for (const [how, cut] of [
  ['a cut', (network: TestNetwork) => network.cut()],
  ['a cable that is pulled out', (network: TestNetwork) => network.unplug()],
] as const) {
  networkTest(`${how} and mended changes nothing for a command that runs`, async () => {
    using network = await testNetwork()
    using fleet = await networkFleet(network)
    const { folder } = fleet.caller
    const script = `until [ -e ${folder}/go ]; do sleep 0.01; done; echo lost; touch ${folder}/printed; exit 7`
    const { caller, output } = await running(fleet, script)
    cut(network)
    writeFileSync(`${folder}/go`, '')
    await until('it has printed', () => existsSync(`${folder}/printed`))
    network.mend()
    expect(new TextDecoder().decode((await output.read()).value)).toBe('lost\n')
    expect(await caller.exited).toBe(7)
  })
}

networkTest(
  'a cut for good: TCP gives up, the caller ends with 255, and the command gets SIGHUP',
  async () => {
    using network = await testNetwork({ attempts: 3 })
    using fleet = await networkFleet(network)
    const marker = `${fleet.caller.folder}/hung-up`
    const { caller } = await running(fleet, notesHangUp(marker))
    network.cut()
    expect(await caller.exited).toBe(255)
    expect(await new Response(caller.stderr).text()).toMatch(
      /^Error: The connection to gpu1 was lost - .*\n$/m,
    )
    await until('the command got SIGHUP', () => existsSync(marker))
    expect(readFileSync(marker, 'utf8')).toBe('HUP\n')
    await untilAllFree(fleet.host.pool)
  },
)

networkTest('the settings of ssh can let the caller give up earlier', async () => {
  using network = await testNetwork()
  using fleet = await networkFleet(network)
  const settings = `${fleet.caller.folder}/ssh/config-gpu1`
  appendFileSync(settings, '  ServerAliveInterval 1\n  ServerAliveCountMax 2\n')
  const { caller } = await running(fleet, 'exec sleep 1000')
  network.cut()
  expect(await caller.exited).toBe(255)
})

networkTest('Ctrl-C ends the caller of a command whose host has been silent for 20 s', async () => {
  using network = await testNetwork()
  using fleet = await networkFleet(network)
  const marker = `${fleet.caller.folder}/hung-up`
  const { caller } = await running(fleet, `trap '' INT; ${notesHangUp(marker)}`)
  network.cut()
  await until('Ctrl-C ends it', () => {
    caller.kill('SIGINT')
    return caller.exitCode !== null
  })
  expect(caller.exitCode).toBe(255)
  expect(storedPool(fleet.host.pool).reservations).toHaveLength(1)
  network.mend()
  await until('the command got SIGHUP', () => existsSync(marker))
})
