import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import { Chance } from '../../simulation/chance.ts'
import { advance, pass } from './schedules/schedule.ts'
import { World } from './schedules/world.ts'

const DAY = 86_400_000

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.clearAllTimers()
  jest.useRealTimers()
})

/** A timer of the runtime lasts 24.8 days at most. */
test('a wait of 30 days lasts 30 days, and one without a limit keeps its place', async () => {
  const world = new World()
  const settle = () => pass(world, new Chance(1), 10_000)
  world.startDaemon()
  await settle()
  world.start(1_000, { kind: 'run', count: 3, wait: false })
  await settle()
  const limited = world.start(1_001, { kind: 'reserve', count: 1, wait: true, for: 30 * DAY })
  await settle()
  const unlimited = world.start(1_002, { kind: 'reserve', count: 1, wait: true })
  await settle()
  world.start(1_003, { kind: 'reserve', count: 1, wait: true })
  await settle()
  const queue = () => world.pool.queue.map(({ owner }) => owner.account.uid)
  advance(world, 25 * DAY)
  await settle()
  expect([limited.outcome, queue()]).toEqual([undefined, [1_001, 1_002, 1_003]])
  advance(world, 5 * DAY)
  await settle()
  expect([limited.outcome, unlimited.outcome, queue()]).toEqual(['timed-out', undefined, [1_002, 1_003]])
})

test('waiters keep their places through a night without a daemon, and one whose process has ended loses it', async () => {
  const world = new World()
  const settle = () => pass(world, new Chance(1), 10_000)
  world.startDaemon()
  await settle()
  world.start(1_000, { kind: 'run', count: 3, wait: false })
  await settle()
  const waiters = []
  for (const uid of [1_001, 1_002, 1_003]) {
    waiters.push(world.start(uid, { kind: 'run', count: 1, wait: true }))
    await settle()
  }
  world.killDaemon()
  advance(world, DAY / 2)
  await settle()
  const [, second] = waiters
  if (second !== undefined) world.exit(second.process)
  world.startDaemon()
  advance(world, 2_000)
  await settle()
  expect(world.pool.queue.map(({ owner }) => owner.account.uid)).toEqual([1_001, 1_003])
  expect(waiters.map(({ outcome }) => outcome)).toEqual([undefined, undefined, undefined])
})

test('a waiter gets progress after the clock was set forward by more than its limit', async () => {
  const world = new World()
  const settle = () => pass(world, new Chance(1), 10_000)
  world.startDaemon()
  await settle()
  world.start(1_000, { kind: 'run', count: 3, wait: false })
  await settle()
  const waiter = world.start(1_001, { kind: 'reserve', count: 1, wait: true, for: 3_600_000 })
  await settle()
  world.wall += DAY
  await settle()
  const { reports } = waiter
  world.start(1_002, { kind: 'reserve', count: 1, wait: true })
  await settle()
  expect(waiter.outcome).toBeUndefined()
  expect(waiter.reports).toBeGreaterThan(reports)
})
