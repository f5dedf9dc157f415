import { describe, expect, jest, test } from 'bun:test'
import { Chance } from '../../simulation/chance.ts'
import { runSchedule } from './schedules/schedule.ts'

/** Several daemons, one after the other, and their clients in random schedules. */

const FIXED = 60
/** Seeds that once found a fault. */
const FOUND = [75_196_131]
const FOUND_WITH_BOOKINGS: readonly number[] = [719_565_247]
const FRESH_MS = 2_000
const STEPS = 300

async function violationsOf(seed: number, bookings: boolean): Promise<readonly string[]> {
  jest.useFakeTimers()
  try {
    return await runSchedule(new Chance(seed), { steps: STEPS, bookings })
  } finally {
    jest.clearAllTimers()
    jest.useRealTimers()
  }
}

describe.each([
  ['a rush', { bookings: false, found: FOUND }],
  ['a calendar', { bookings: true, found: FOUND_WITH_BOOKINGS }],
])('%s', (_, { bookings, found }) => {
  test(`no violation in the schedules 1 to ${FIXED}, and in those that once had one`, async () => {
    const seeds = [...Array.from({ length: FIXED }, (_, at) => at + 1), ...found]
    for (const seed of seeds) expect([seed, ...(await violationsOf(seed, bookings))]).toEqual([seed])
  })

  test('no violation in fresh schedules', async () => {
    const first = Math.floor(Math.random() * 1_000_000_000)
    const started = process.hrtime.bigint()
    const forMs = Number(process.env.SCHEDULES_MS ?? FRESH_MS)
    for (let seed = first; Number(process.hrtime.bigint() - started) < forMs * 1e6; seed++) {
      expect([seed, ...(await violationsOf(seed, bookings))]).toEqual([seed])
    }
  }, 3_600_000)
})
