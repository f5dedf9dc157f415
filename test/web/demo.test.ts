import { expect, test } from 'bun:test'
import { MemoryPlace } from '../../src/adapters/memory/memory-place.ts'
import { MemoryStore } from '../../src/adapters/memory/memory-store.ts'
import { reportRange, runningTimes, tallied, usageReport } from '../../src/domain/ledger/report.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { demoPool } from '../../src/web/demo/demo-pool.ts'
import { Play } from '../../src/web/demo/play.ts'
import { startDemo } from './demo-server.ts'

const NOON = Date.UTC(2026, 2, 11, 12)
const momentAt = (wall: number) => ({ wall, steady: { epoch: 'demo', ms: wall } })

test('twenty minutes of it: nobody shares a GPU, and there is something to see', () => {
  const play = new Play('demo', momentAt(NOON))
  const seen = { faults: 0, squatters: 0, lines: 0, holders: new Set<string>() }
  for (let second = 0; second < 1_200; second += 5) {
    play.advance(momentAt(NOON + second * 1_000))
    const held = play.pool.reservations.flatMap(unitsOf)
    expect(new Set(held).size).toBe(held.length)
    expect(held.every((unit) => unit !== play.trouble.squatted)).toBe(true)
    for (const reservation of play.pool.reservations) seen.holders.add(reservation.id)
    if (play.trouble.faulty !== null) seen.faults++
    if (play.trouble.squatted !== null) seen.squatters++
    if (play.pool.queue.length >= 2) seen.lines++
  }
  expect(seen.holders.size).toBeGreaterThan(15)
  for (const times of [seen.faults, seen.squatters, seen.lines]) expect(times).toBeGreaterThan(20)
})

test('it has a past to report', () => {
  const play = new Play('demo', momentAt(NOON))
  const range = reportRange(30, NOON)
  const times = [...play.records, ...runningTimes(play.pool, NOON)]
  const report = usageReport(tallied(times, range), range, 30)
  expect(report.users.length).toBeGreaterThan(4)
  expect(report.total.gpuHours).toBeGreaterThan(500)
  expect(report.total.gpuHours).toBeLessThan(30 * 24 * 8)
})

test('the same moment is the same play', () => {
  const [one, other] = [new Play('demo', momentAt(NOON)), new Play('demo', momentAt(NOON))]
  for (const play of [one, other]) play.advance(momentAt(NOON + 300_000))
  expect(one.pool).toEqual(other.pool)
})

test('it can only be watched', async () => {
  const pool = demoPool(
    { now: () => NOON, steady: () => NOON },
    (now) => new MemoryStore(new MemoryPlace(), now),
  )
  expect(pool.perform({ op: 'settle' })).rejects.toThrow('can only be watched')
})

test('the team goes on while somebody watches, and what ended is in the history', async () => {
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
