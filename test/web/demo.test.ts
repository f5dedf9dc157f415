import { expect, test } from 'bun:test'
import { MemoryPlace } from '../../src/adapters/memory/memory-place.ts'
import { MemoryStore } from '../../src/adapters/memory/memory-store.ts'
import { reportRange, runningTimes, tallied, usageReport } from '../../src/domain/ledger/report.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { demoPool } from '../../src/web/demo/demo-pool.ts'
import { TeamSimulation } from '../../src/web/demo/team-simulation.ts'
import { startDemo } from './demo-server.ts'

const NOON = Date.UTC(2026, 2, 11, 12)
const momentAt = (wall: number) => ({ wall, steady: { epoch: 'demo', ms: wall } })

test('in twenty minutes, no GPU is shared, and faults, squatters and a queue appear', () => {
  const simulation = new TeamSimulation('demo', momentAt(NOON))
  const { machine } = simulation
  const found = { faults: 0, squatters: 0, queues: 0, holders: new Set<string>() }
  for (let second = 0; second < 1_200; second += 5) {
    simulation.advance(NOON + second * 1_000)
    const held = machine.pool.reservations.flatMap(unitsOf)
    expect(new Set(held).size).toBe(held.length)
    expect(held.every((unit) => unit !== machine.unusable.squatted)).toBe(true)
    for (const reservation of machine.pool.reservations) found.holders.add(reservation.id)
    if (machine.unusable.faulty !== null) found.faults++
    if (machine.unusable.squatted !== null) found.squatters++
    if (machine.pool.queue.length >= 2) found.queues++
  }
  expect(found.holders.size).toBeGreaterThan(15)
  for (const times of [found.faults, found.squatters, found.queues]) expect(times).toBeGreaterThan(20)
})

test('the report has a made-up history', () => {
  const simulation = new TeamSimulation('demo', momentAt(NOON))
  const { machine } = simulation
  const range = reportRange(30, NOON)
  const times = [...machine.records, ...runningTimes(machine.pool, NOON)]
  const report = usageReport(tallied(times, range), range, 30)
  expect(report.users.length).toBeGreaterThan(4)
  expect(report.total.gpuHours).toBeGreaterThan(500)
  expect(report.total.gpuHours).toBeLessThan(30 * 24 * 8)
})

test('the same time gives the same pool', () => {
  const [one, other] = [
    new TeamSimulation('demo', momentAt(NOON)),
    new TeamSimulation('demo', momentAt(NOON)),
  ]
  for (const simulation of [one, other]) simulation.advance(NOON + 300_000)
  expect(one.machine.pool).toEqual(other.machine.pool)
})

test('the pool of the demo is read-only', async () => {
  const pool = demoPool(
    { now: () => NOON, steady: () => NOON },
    (now) => new MemoryStore(new MemoryPlace(), now),
  )
  expect(await pool.perform({ op: 'settle' }).catch((error: unknown) => error)).toMatchObject({
    code: 'permission-denied',
  })
})

test('the simulation continues while a page is open, and ended reservations are in the history', async () => {
  let now = NOON
  const pool = demoPool(
    { now: () => now, steady: () => now },
    (clock) => new MemoryStore(new MemoryPlace(), clock),
  )
  const watching = new AbortController()
  const changes = pool.events(watching.signal)[Symbol.asyncIterator]()
  const before = await pool.view('stored')
  await changes.next()
  now += 1_200_000
  expect((await changes.next()).done).not.toBe(true)
  const after = await pool.view('stored')
  expect(after.pool.reservations).not.toEqual(before.pool.reservations)
  watching.abort()
  const times = await pool.usage({
    kind: 'history',
    range: { from: NOON - 86_400_000, to: now },
    most: 1_000,
  })
  expect(JSON.stringify(times)).toContain('exited')
})

test('web --demo needs no pool', async () => {
  await using demo = await startDemo()
  const status = await demo.server.json<readonly { status: string }[]>('/api/status')
  expect(status).toHaveLength(8)
  expect(await (await demo.server.get('/')).text()).toStartWith('<!doctype html>')
})
