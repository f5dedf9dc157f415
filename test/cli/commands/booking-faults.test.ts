import { describe, expect, test } from 'bun:test'
import { book, bookablePool, schedule } from '../../support/bookable.ts'
import { storedHistory, storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { passTime, setWallClock } from '../../support/pass-time.ts'
import type { TestPool } from '../../support/pool.ts'
import { until } from '../../support/until.ts'

/** A booking `in 1h` begins on a whole second. */
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

const statesIn = async (pool: TestPool) => (await pool.status()).map(({ status, type }) => type ?? status)

/** Without a daemon, `status` begins and ends bookings; a daemon does it a little later. */
const untilStates = (pool: TestPool, ...states: string[]) =>
  until(`the GPUs are ${states}`, async () => String(await statesIn(pool)) === String(states))

const BUSY = { memory_used_mb: 30_000 }
const FAULTY = { fault: 'GPU is lost' }

describe.each([-25 * HOUR, 5 * HOUR])('the wall clock is set by %d ms', (jump) => {
  test('before a booking begins: it begins when its time has passed', async () => {
    using pool = await bookablePool(1)
    await book(pool, 'in 1h', '--duration', '30m')
    await setWallClock(pool, jump)
    expect(await statesIn(pool)).toEqual(['AVAILABLE'])
    await passTime(pool, 55 * MINUTE)
    expect(await statesIn(pool)).toEqual(['AVAILABLE'])
    expect(failureOf(await pool.chg('reserve', '--json', '--duration', '10m'))).toMatchObject({ status: 75 })
    await passTime(pool, 5 * MINUTE + SECOND)
    await untilStates(pool, 'BOOKING')
    await passTime(pool, 30 * MINUTE)
    await untilStates(pool, 'AVAILABLE')
    const [record, ...others] = storedHistory(pool)
    expect(others).toEqual([])
    const held = (record?.ended_at ?? 0) - (record?.started_at ?? 0)
    expect(held).toBeGreaterThan(0)
    expect(held).toBeLessThanOrEqual(30 * MINUTE)
  })

  test('after it began: an unused booking is released after half an hour', async () => {
    using pool = await bookablePool(1)
    await book(pool, 'in 1h', '--duration', '2h')
    await passTime(pool, HOUR + SECOND)
    await untilStates(pool, 'BOOKING')
    await passTime(pool, 15 * MINUTE)
    await setWallClock(pool, jump)
    await passTime(pool, 14 * MINUTE)
    await untilStates(pool, 'BOOKING')
    await passTime(pool, 2 * MINUTE)
    await untilStates(pool, 'AVAILABLE')
    const [record] = storedHistory(pool)
    expect(record).toMatchObject({ kind: 'booking', outcome: 'unused' })
    const held = (record?.ended_at ?? 0) - (record?.started_at ?? 0)
    expect(held).toBeGreaterThanOrEqual(30 * MINUTE)
    expect(held).toBeLessThan(HOUR)
  })
})

describe.each([
  ['faulty', FAULTY],
  ['occupied', BUSY],
])('a GPU is %s when a booking begins', (_, state) => {
  test('it gets another one', async () => {
    using pool = await bookablePool(3)
    pool.setFakeDriver({})
    const { booking, planned_gpu_ids } = await book(pool, 'in 1h', '--gpus', '2')
    expect(planned_gpu_ids).toEqual([0, 1])
    pool.setFakeDriver({ gpus: { '0': state } })
    await passTime(pool, HOUR + SECOND)
    await until('it has begun', async () => (await pool.status()).length > 0 && begun(pool, booking))
    expect(begun(pool, booking)?.map(({ unit }) => unit)).toEqual(['1', '2'])
  })

  test('it waits for one that it names, which nobody else gets, and its end stays', async () => {
    using pool = await bookablePool(2)
    pool.setFakeDriver({})
    const booked = await book(pool, 'in 1h', '--gpu-ids', '0,1', '--duration', '2h')
    pool.setFakeDriver({ gpus: { '0': state } })
    await passTime(pool, HOUR + SECOND)
    const refused = failureOf(await pool.chg('run', '--json', '--', 'true'))
    expect(refused.status).toBe(75)
    expect(storedPool(pool).reservations).toEqual([])
    expect((await schedule(pool)).bookings).toMatchObject([{ booking: booked.booking }])
    pool.setFakeDriver({})
    await untilStates(pool, 'BOOKING', 'BOOKING')
    const [shown] = (await schedule(pool)).bookings
    expect(shown).toMatchObject({ booking: booked.booking, begun_at: expect.any(String) })
    expect(Date.parse(shown?.until ?? '') - Date.parse(shown?.from ?? '')).toBe(2 * HOUR)
  })

  test('and stays so to the end of the booking: it leaves no record', async () => {
    using pool = await bookablePool(1)
    pool.setFakeDriver({})
    await book(pool, 'in 1h', '--duration', '1h')
    pool.setFakeDriver({ gpus: { '0': state } })
    await passTime(pool, HOUR + SECOND)
    expect((await pool.chg('run', '--', 'true')).status).toBe(75)
    await passTime(pool, HOUR)
    pool.setFakeDriver({})
    expect((await pool.chg('run', '--', 'true')).status).toBe(0)
    expect((await schedule(pool)).bookings).toEqual([])
    await until('the run is recorded', () => storedHistory(pool).length === 1)
    expect(storedHistory(pool)).toMatchObject([{ kind: 'run' }])
  })
})

describe('a drain', () => {
  test('of a booked GPU moves the booking, which begins there', async () => {
    using pool = await bookablePool(3)
    const { booking } = await book(pool, 'in 1h', '--gpus', '2')
    expect((await pool.chg('drain', '0')).status).toBe(0)
    expect(failureOf(await pool.chg('drain', '1', '--json'))).toMatchObject({
      ...{ status: 75, reason: { code: 'breaks-bookings', lost_bookings: [{ booking }] } },
    })
    await passTime(pool, HOUR + SECOND)
    await untilStates(pool, 'DRAINED', 'BOOKING', 'BOOKING')
  })

  test('of the GPU of a booking that waits for another one is refused', async () => {
    using pool = await bookablePool(2)
    pool.setFakeDriver({})
    await book(pool, 'in 1h', '--gpus', '2', '--duration', '2h')
    pool.setFakeDriver({ gpus: { '0': BUSY } })
    await passTime(pool, HOUR + SECOND)
    expect(await statesIn(pool)).toEqual(['UNRESERVED', 'AVAILABLE'])
    for (const gpu of ['0', '1']) {
      expect(failureOf(await pool.chg('drain', gpu, '--json')).reason).toMatchObject({
        code: 'breaks-bookings',
      })
    }
    pool.setFakeDriver({})
    await untilStates(pool, 'BOOKING', 'BOOKING')
  })
})

const begun = (pool: TestPool, id: string) =>
  storedPool(pool).reservations.find((each) => each.id === id)?.holdings
