import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import { Chance } from '../../simulation/chance.ts'
import { advance, pass } from './schedules/schedule.ts'
import { World } from './schedules/world.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.clearAllTimers()
  jest.useRealTimers()
})

/** The recorded duration of a run of ten hours that ends in an outage of the daemon, a second after it begins. */
async function recordedAfter(outage: number): Promise<{ readonly hours: number; readonly outcome: string }> {
  const world = new World()
  const settle = () => pass(world, new Chance(1), 1_000)
  world.startDaemon()
  await settle()
  const run = world.start(1_000, { kind: 'run', count: 1, wait: false })
  await settle()
  for (let passed = 0; passed < 10 * HOUR; passed += MINUTE) {
    advance(world, MINUTE)
    await settle()
  }
  world.killDaemon()
  world.exit(run.process)
  advance(world, outage)
  world.startDaemon()
  await settle()
  expect(world.pool.reservations).toEqual([])
  const [record] = [...world.place.records]
  if (record === undefined) throw new Error('nothing is recorded')
  return { hours: (record.endedAt - record.startedAt) / HOUR, outcome: record.outcome }
}

test('a run that ends in an outage of the daemon is recorded without the outage', async () => {
  const { hours, outcome } = await recordedAfter(5 * HOUR)
  expect(outcome).toBe('exited')
  expect(hours).toBeGreaterThanOrEqual(10)
  expect(hours).toBeLessThan(10.3)
})

test('after a short outage it is recorded as ended when the daemon started again', async () => {
  const { hours } = await recordedAfter(10_000)
  expect(hours).toBeGreaterThan(10)
})
