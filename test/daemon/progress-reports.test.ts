import { afterAll, beforeAll, describe, expect, jest, test } from 'bun:test'
import type { WaitProgress } from '../../src/app/waiting/wait-progress.ts'
import { ProgressReports, type ReportedTo } from '../../src/daemon/progress-reports.ts'
import type { PoolService, Views } from '../../src/ports/pool-service.ts'
import { NOON, poolOf, units, waiterOf } from '../domain/pool/builders.ts'
import { until } from '../support/until.ts'

/** `took`: how long each report takes, and the rest after it. */
function reports(waiting: number, took = 0) {
  let now = 0
  const told: [string, WaitProgress][] = []
  const waiters: ReportedTo[] = Array.from({ length: waiting }, (_, at) => ({
    ...{ id: `w${at}`, reported: '', isOver: () => false },
    report: (progress) => {
      now += took
      told.push([`w${at}`, progress])
    },
  }))
  const queue = waiters.map(({ id }) => waiterOf({ id }))
  const pool = poolOf(units(1), { queue })
  const asked: (keyof Views)[] = []
  const service = {
    async view(name: keyof Views) {
      asked.push(name)
      const observation = { probe: { provider: 'fake', readings: [] }, askedThresholdMb: null }
      return { pool, moment: NOON, observation }
    },
  } as unknown as PoolService
  const progress = new ProgressReports({
    ...{ service, waiters: () => waiters, clock: () => now },
    processes: { alive: () => 'alive', stopped: () => false },
    log: (error) => {
      throw error
    },
  })
  return { progress, told, asked, pass: (ms: number) => (now += ms) }
}

test('a waiter is told its position when it joins', async () => {
  const { progress, told } = reports(1)
  progress.joined()
  await until('it is told', () => told.length > 0)
  expect(told).toMatchObject([['w0', { position: 1, length: 1 }]])
})

test('hundreds that join together are told by one look at the pool', async () => {
  const { progress, told, asked } = reports(256)
  for (let joined = 0; joined < 256; joined++) progress.joined()
  await until('all are told', () => told.length === 256)
  expect(asked).toEqual(['observed', 'stored'])
})

describe('after a report that took long', () => {
  beforeAll(() => void jest.useFakeTimers())
  afterAll(() => void jest.useRealTimers())

  test('the next one waits, also when another waiter joins', async () => {
    const { progress, asked, pass } = reports(1, 100)
    const passing = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 500) {
        progress.joined()
        progress.changed()
        pass(500)
        jest.advanceTimersByTime(500)
        for (let turns = 0; turns < 20; turns++) await Promise.resolve()
      }
    }
    await passing(2_500)
    expect(asked).toEqual(['observed', 'stored'])
    await passing(2_000)
    expect(asked.length).toBeGreaterThan(2)
  })
})
