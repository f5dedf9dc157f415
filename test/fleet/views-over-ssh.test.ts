import { expect } from 'bun:test'
import { testFleet } from '../support/fleet.ts'
import { needing } from '../support/needs.ts'

const fleetTest = needing('ssh', 'sshd')

fleetTest.test('status, queue and report --all show the hosts of remote_hosts', async () => {
  using fleet = await testFleet(1, 2)
  await fleet.hosts[1]?.pool.chg('reserve', '--note', 'by hand')
  const { caller } = fleet
  const all = JSON.parse((await caller.chg('status', '--all', '--json')).stdout)
  expect(all).toMatchObject([
    { host: 'gpu1', source: 'ssh', state: 'current', gpus: [{ status: 'AVAILABLE' }] },
    { host: 'gpu2', source: 'ssh', gpus: [{ note: 'by hand' }, { status: 'AVAILABLE' }] },
  ])
  expect((await caller.chg('status', '--host', 'gpu2')).stdout).toContain('by hand')
  expect((await caller.chg('queue', '--all')).status).toBe(0)
  expect((await caller.chg('report', '--all', '--json')).status).toBe(0)
})

fleetTest.test('a host that does not answer is shown with the reason', async () => {
  using fleet = await testFleet(1)
  await fleet.host.stop()
  const { status, stdout } = await fleet.caller.chg('status', '--all', '--json')
  expect(JSON.parse(stdout)).toMatchObject([
    { host: 'gpu1', source: 'ssh', state: 'unreachable', reason_code: 'host-unreachable' },
  ])
  expect(status).toBe(0)
  expect((await fleet.caller.chg('status', '--host', 'gpu1')).status).toBe(69)
  const shown = await fleet.caller.chg('status', '--all')
  expect(shown.stdout).toMatch(/^gpu1: Cannot reach gpu1: .*Connection refused - try: ssh gpu1 true$/m)
})

fleetTest.test('a host without a pool says so', async () => {
  using fleet = await testFleet(0)
  const { stdout } = await fleet.caller.chg('status', '--all', '--json')
  expect(JSON.parse(stdout)).toMatchObject([{ state: 'unreachable', reason_code: 'pool-not-initialized' }])
  const shown = await fleet.caller.chg('status', '--all')
  expect(shown.stdout).toMatch(/^gpu1: GPU pool not initialized - run '.*canhazgpu admin/)
})
