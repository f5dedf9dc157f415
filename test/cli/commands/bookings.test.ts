import { describe, expect, test } from 'bun:test'
import { chmodSync } from 'node:fs'
import type { BookingDocument, ScheduleDocument } from '../../../src/views/schemas/schedule.ts'
import { storedHistory } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { needing } from '../../support/needs.ts'
import { passTime } from '../../support/pass-time.ts'
import { type Finished, type TestPool, testPool } from '../../support/pool.ts'
import { userForTests } from '../../support/unix-users.ts'

/** A booking `in 1h` begins on a whole second. */
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A pool in which GPUs can be booked, for every user. */
async function bookablePool(gpus: number): Promise<TestPool> {
  const pool = await testPool(0)
  chmodSync(pool.folder, 0o755)
  for (const line of [
    ['admin', '--gpus', String(gpus), '--provider', 'fake'],
    ['policy', 'set', 'max-duration', '2d'],
    ['policy', 'set', 'default-duration', '8h'],
    ['policy', 'set', 'bookings', 'on'],
  ]) {
    expect((await pool.chg(...line)).status).toBe(0)
  }
  return pool
}

function documentOf<Document>({ status, stdout, stderr }: Finished): Document {
  if (status !== 0) throw new Error(`status ${status}: ${stderr}`)
  return JSON.parse(stdout)
}

const book = async (pool: TestPool, at: string, ...options: string[]): Promise<BookingDocument> =>
  documentOf(await pool.chg('reserve', '--json', '--at', at, ...options))

const schedule = async (pool: TestPool): Promise<ScheduleDocument> =>
  documentOf(await pool.chg('schedule', '--json'))

describe('a booking', () => {
  test('that is cancelled leaves nothing', async () => {
    using pool = await bookablePool(1)
    const { booking } = await book(pool, 'in 1h')
    expect((await pool.chg('release')).stdout).toBe('No manually reserved GPUs found for current user\n')
    expect(JSON.parse((await pool.chg('release', '--json', booking)).stdout)).toMatchObject({
      ...{ released: [], cancelled: { booking } },
    })
    expect((await schedule(pool)).bookings).toEqual([])
    expect(failureOf(await pool.chg('release', '--json', booking))).toMatchObject({
      ...{ status: 1, reason: { code: 'no-such-booking', id: booking } },
    })
    await passTime(pool, HOUR + SECOND)
    expect(await pool.status()).toMatchObject([{ status: 'AVAILABLE' }])
    expect(storedHistory(pool)).toEqual([])
  })

  test('--short prints its id alone, which release accepts', async () => {
    using pool = await bookablePool(1)
    const { stdout } = await pool.sh(
      `id=$("$CHG" reserve --at 'in 1h' --short) && "$CHG" release "$id" --json`,
    )
    expect(JSON.parse(stdout)).toMatchObject({ cancelled: { gpus: 1 } })
  })

  test('for which the calendar has no room is refused with the bookings in its way', async () => {
    using pool = await bookablePool(2)
    const { booking } = await book(pool, 'in 1h', '--duration', '1h')
    const refused = failureOf(await pool.chg('reserve', '--json', '--gpus', '2', '--at', 'in 90m'))
    expect(refused).toMatchObject({ code: 'not-enough-gpus', status: 75 })
    expect(refused.reason).toMatchObject({
      code: 'unbookable',
      requested: 2,
      available: 1,
      booked: [{ booking }],
    })
  })
})

describe('times', () => {
  test('that are unclear, past or impossible are wrong usage', async () => {
    using pool = await bookablePool(1)
    for (const at of ['fri', 'now', '01/02 9:00', '25:00', '2020-01-01 09:00', '', 'tomorrow']) {
      expect(failureOf(await pool.chg('reserve', '--json', '--at', at))).toMatchObject({
        code: 'usage',
        status: 2,
      })
    }
    for (const flag of ['--wait', '--claim', '--export', '--docker']) {
      expect((await pool.chg('reserve', '--at', 'in 1h', flag)).status).toBe(2)
    }
  })

  test('are local, and a change of the clocks is no place to guess', async () => {
    using pool = await bookablePool(3)
    pool.env.TZ = 'Europe/Berlin'
    const local = await book(pool, 'tomorrow 9:00', '--duration', '1h')
    const hour = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Berlin',
      hour: 'numeric',
      minute: 'numeric',
    })
    expect(hour.format(Date.parse(local.from))).toBe('09:00')
    expect((await pool.chg('policy', 'set', 'max-booked-ahead', '365d')).status).toBe(0)
    const { skipped, repeated } = nextChanges()
    const refused = failureOf(await pool.chg('reserve', '--json', '--at', `${skipped} 02:30`))
    expect(refused).toMatchObject({ code: 'usage', message: expect.stringMatching(/\+01:00 to \+02:00/) })
    const twice = failureOf(await pool.chg('reserve', '--json', '--at', `${repeated} 02:30`))
    expect(twice).toMatchObject({ code: 'usage', hint: expect.stringMatching(/\+02:00' or .*\+01:00'/) })
    for (const offset of ['+02:00', '+01:00']) {
      const { from } = await book(pool, `${repeated} 02:30 ${offset}`, '--duration', '30m')
      expect(Date.parse(from)).toBe(Date.parse(`${repeated}T02:30:00${offset}`))
    }
  })

  test('in a time zone that is not known need an offset', async () => {
    using pool = await bookablePool(3)
    pool.env.TZ = 'CET-1CEST,M3.5.0,M10.5.0/3'
    for (const at of ['tomorrow 9:00', '14:00', '2026-12-01 09:00']) {
      const refused = failureOf(await pool.chg('reserve', '--json', '--at', at))
      expect(refused).toMatchObject({ code: 'usage', message: expect.stringContaining('TZ') })
    }
    const tomorrow = new Date(Date.now() + 24 * HOUR).toISOString()
    expect((await book(pool, tomorrow, '--duration', '1h')).from).toBe(tomorrow)
    await book(pool, 'in 1h', '--duration', '1h')
    pool.env.TZ = ':Europe/Berlin'
    await book(pool, 'tomorrow 9:00', '--duration', '1h')
  })

  test('of the configuration do not turn a booking into a wait', async () => {
    using pool = await bookablePool(1)
    pool.env.CANHAZGPU_RESERVE_WAIT = 'true'
    pool.env.CANHAZGPU_RESERVE_EXPORT = 'true'
    pool.env.CANHAZGPU_RESERVE_DURATION = '30m'
    const { from, until: end } = await book(pool, 'in 1h')
    expect(Date.parse(end) - Date.parse(from)).toBe(30 * MINUTE)
  })
})

needing('users').describe('two accounts', () => {
  const ann = userForTests('ann')
  const ben = userForTests('ben')

  test('bookings may be allowed for one account alone', async () => {
    using pool = await bookablePool(1)
    expect((await pool.chg('policy', 'set', 'bookings', 'off')).status).toBe(0)
    expect((await pool.chg('policy', 'set', 'bookings', 'on', '--account', ann.name)).status).toBe(0)
    expect((await ann.chg(pool, 'reserve', '--at', 'in 1h')).status).toBe(0)
    expect(failureOf(await ben.chg(pool, 'reserve', '--json', '--at', 'in 20h'))).toMatchObject({
      ...{ status: 2, reason: { code: 'bookings-off' } },
    })
  })
})

/** The dates of the next changes of the clocks in Berlin. */
function nextChanges() {
  const day = 24 * HOUR
  const winter = (at: number) =>
    new Intl.DateTimeFormat('en', { timeZone: 'Europe/Berlin', timeZoneName: 'longOffset' })
      .format(at)
      .endsWith('+01:00')
  const days = Array.from({ length: 372 }, (_, ahead) => Math.floor(Date.now() / day + 1 + ahead) * day)
  const changeTo = (isWinter: boolean) =>
    days.find((at) => winter(at) !== isWinter && winter(at + day) === isWinter) ?? Number.NaN
  const dateOf = (at: number) => new Date(at).toISOString().slice(0, 10)
  return { skipped: dateOf(changeTo(false)), repeated: dateOf(changeTo(true)) }
}
