import { describe, expect, test } from 'bun:test'
import type { BookingDocument, ScheduleDocument } from '../../../src/views/schemas/schedule.ts'
import { book, bookablePool, documentOf, schedule } from '../../support/bookable.ts'
import { daemonPool } from '../../support/daemon.ts'
import { storedHistory, storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { startForever, untilWatched } from '../../support/job.ts'
import { inDaemonMode, needing } from '../../support/needs.ts'
import { passTime } from '../../support/pass-time.ts'
import { kill } from '../../support/processes.ts'
import { userForTests } from '../../support/unix-users.ts'
import { until } from '../../support/until.ts'

/** A booking `in 1h` begins on a whole second. */
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

const statesOf = ({ gpus }: ScheduleDocument) => gpus.map(({ periods }) => periods.map(({ state }) => state))

describe('a booking', () => {
  test('is shown in schedule and status, and leaves the GPUs free until it begins', async () => {
    using pool = await bookablePool(2)
    const { booking, from, until: end } = await book(pool, 'in 3h', '--duration', '1h', '--note', 'demo')
    expect(Date.parse(end) - Date.parse(from)).toBe(HOUR)
    const shown = await schedule(pool)
    expect(shown.bookings).toMatchObject([
      { booking, note: 'demo', gpus: 1, planned_gpu_ids: [0], from, until: end },
    ])
    expect(statesOf(shown)).toEqual([['FREE', 'BOOKED', 'FREE'], ['FREE']])
    expect(await pool.status()).toMatchObject([{ status: 'AVAILABLE', booked: { booking, from } }, {}])
    expect((await pool.chg('reserve', '--gpu-ids', '0', '--duration', '2h')).status).toBe(0)
    expect(statesOf(await schedule(pool))).toEqual([['HELD', 'FREE', 'BOOKED', 'FREE'], ['FREE']])
  })

  test('keeps out what does not fit before it', async () => {
    using pool = await bookablePool(1)
    const { booking } = await book(pool, 'in 3h')
    for (const line of [
      ['run', '--json', '--', 'true'],
      ['run', '--json', '--timeout', '4h', '--', 'true'],
      ['reserve', '--json'],
    ]) {
      const refused = failureOf(await pool.chg(...line))
      expect(refused).toMatchObject({ code: 'not-enough-gpus', status: 75 })
      expect(refused.reason).toMatchObject({ code: 'booked', booked: [{ gpu_id: 0, booking }] })
    }
    const waited = failureOf(await pool.chg('run', '--json', '--wait', '1s', '--', 'true'))
    expect(waited.reason).toMatchObject({ code: 'timed-out', busy: [], booked: [{ booking }] })
    expect((await pool.chg('run', '--timeout', '1h', '--', 'true')).status).toBe(0)
    expect((await pool.chg('reserve', '--duration', '2h')).status).toBe(0)
    const extended = failureOf(await pool.chg('extend', '--json', '2h'))
    expect(extended.reason).toMatchObject({ code: 'booked', booked: [{ booking }] })
  })

  test('begins at its time as a reservation, which release ends', async () => {
    using pool = await bookablePool(2)
    const { booking } = await book(pool, 'in 1h', '--gpu-ids', '1', '--duration', '2h')
    await passTime(pool, HOUR + SECOND)
    expect(await pool.status()).toMatchObject([
      { status: 'AVAILABLE' },
      { status: 'IN_USE', type: 'BOOKING', details: expect.stringMatching(/^ends in [12]h/) },
    ])
    expect((await schedule(pool)).bookings).toMatchObject([{ booking, begun_at: expect.any(String) }])
    expect((await pool.chg('release')).stdout).toBe('Released 1 GPU(s): [1]\n')
    expect(storedHistory(pool)).toMatchObject([
      { reservation: booking, kind: 'booking', outcome: 'released' },
    ])
    const { stdout } = await pool.chg('report', '--json')
    expect(JSON.parse(stdout).total).toMatchObject({ run: 0, manual: 1 })
  })

  test('ends at its end', async () => {
    using pool = await bookablePool(1)
    await book(pool, 'in 1h', '--duration', '20m')
    await passTime(pool, HOUR + SECOND)
    expect(await pool.status()).toMatchObject([{ status: 'IN_USE' }])
    await passTime(pool, 20 * MINUTE)
    expect(await pool.status()).toMatchObject([{ status: 'AVAILABLE' }])
    expect(storedHistory(pool)).toMatchObject([{ outcome: 'expired' }])
  })

  test('is released if nobody uses it for half an hour, and not if somebody does', async () => {
    using pool = await bookablePool(2)
    pool.setFakeDriver({})
    await book(pool, 'in 1h', '--gpu-ids', '0')
    const used = await book(pool, 'in 1h', '--gpu-ids', '1')
    await passTime(pool, HOUR + SECOND)
    expect(await pool.status()).toMatchObject([{ status: 'IN_USE' }, { status: 'IN_USE' }])
    pool.setFakeDriver({ gpus: { '1': { memory_used_mb: 5_000 } } })
    expect(await pool.status()).toMatchObject([{ status: 'IN_USE' }, { status: 'IN_USE' }])
    await until(
      'its use is noted',
      async () => (await pool.status()).length > 0 && storedPool(pool).reservations.some(isUsed),
    )
    pool.setFakeDriver({})
    await passTime(pool, 31 * MINUTE)
    await until('the unused one is released', async () => (await pool.status())[0]?.status === 'AVAILABLE')
    expect((await schedule(pool)).bookings).toMatchObject([{ booking: used.booking }])
    expect(storedHistory(pool)).toMatchObject([{ outcome: 'unused', gpu: 0 }])
  })

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

describe('run --until-booked', () => {
  test('gets the GPUs before a booking, and ends before it begins', async () => {
    using pool = await bookablePool(1)
    const { from } = await book(pool, 'in 3h')
    const job = await startForever(pool, '--until-booked', '--grace', '10s')
    const [gpu] = await pool.status()
    const left = Date.parse(from) - Date.parse(gpu?.expiry_time ?? '')
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThan(MINUTE)
    kill(job.pid, 'SIGKILL')
  })

  test('states its limit, and has that of the pool without a booking', async () => {
    using pool = await bookablePool(1)
    const free = await pool.chg('run', '--until-booked', '--', 'true')
    expect(free.stderr).toMatch(
      /^Reserved .*\nTime limit \(--until-booked\): the command gets SIGINT after 48h 0m 0s /,
    )
    await book(pool, 'in 3h')
    const before = await pool.chg('run', '--until-booked', '--', 'true')
    expect(before).toMatchObject({ status: 0, stderr: expect.stringMatching(/SIGINT after 2h 59m \d+s /) })
    const short = await pool.chg('run', '--until-booked', '--timeout', '1h', '--', 'true')
    expect(short.stderr).toMatch(/\nTime limit: the command gets SIGINT after 1h 0m 0s /)
  })

  test('has ended when the booking begins', async () => {
    using pool = await bookablePool(1)
    await book(pool, 'in 2m', '--duration', '1h')
    const job = pool.start('run', '--until-booked', '--grace', '1s', '--', 'sleep', '1000')
    await until('it runs', async () => (await pool.status())[0]?.type === 'RUN')
    await untilWatched(pool)
    // A supervisor has its own clock. A daemon that starts again enforces the limits that have passed.
    if (!inDaemonMode) job.kill('SIGKILL')
    await passTime(pool, 2 * MINUTE + SECOND)
    await job.exited
    await until('the booking begins', async () => (await pool.status())[0]?.type === 'BOOKING')
  })

  test('may be configured, and --grace needs it or --timeout', async () => {
    using pool = await bookablePool(1)
    await book(pool, 'in 3h')
    expect((await pool.chg('run', '--grace', '1m', '--', 'true')).status).toBe(2)
    expect((await pool.chg('run', '--grace', '1m', '--until-booked', '--', 'true')).status).toBe(0)
    pool.env.CANHAZGPU_RUN_UNTIL_BOOKED = 'true'
    expect((await pool.chg('run', '--', 'true')).status).toBe(0)
    expect((await pool.chg('run', '--until-booked=false', '--', 'true')).status).toBe(75)
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
    const { zone, winter, summer, skipped, repeated } = nextChanges()
    pool.env.TZ = zone
    const local = await book(pool, 'tomorrow 9:00', '--duration', '1h')
    const hour = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: 'numeric', minute: 'numeric' })
    expect(hour.format(Date.parse(local.from))).toBe('09:00')
    expect((await pool.chg('policy', 'set', 'max-booked-ahead', '365d')).status).toBe(0)
    const refused = failureOf(await pool.chg('reserve', '--json', '--at', `${skipped} 02:30`))
    expect(refused).toMatchObject({
      code: 'usage',
      message: expect.stringContaining(`${winter} to ${summer}`),
    })
    const twice = failureOf(await pool.chg('reserve', '--json', '--at', `${repeated} 02:30`))
    expect(twice).toMatchObject({ code: 'usage' })
    for (const offset of [winter, summer]) {
      expect(twice.hint).toContain(`02:30 ${offset}'`)
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

  test('a colleague is kept out, may not cancel it, and waits until it has ended', async () => {
    using pool = await bookablePool(1)
    const { booking } = documentOf<BookingDocument>(
      await ann.chg(pool, 'reserve', '--json', '--at', 'in 1h', '--duration', '1h'),
    )
    const refused = failureOf(await ben.chg(pool, 'run', '--json', '--', 'true'))
    expect(refused.reason).toMatchObject({ code: 'booked', booked: [{ booking, user: ann.name }] })
    expect(failureOf(await ben.chg(pool, 'release', '--json', booking))).toMatchObject({
      ...{ code: 'not-yours', reason: { code: 'forbidden' } },
    })
    await passTime(pool, HOUR + SECOND)
    const held = failureOf(await ben.chg(pool, 'reserve', '--json'))
    expect(held.reason).toMatchObject({ code: 'short', busy: [{ user: ann.name }] })
    expect(await pool.status()).toMatchObject([{ user: ann.name, type: 'BOOKING' }])
    const waiter = ben.start(pool, 'run', '--wait', '--', 'true')
    await until('ben waits', () => storedPool(pool).queue.length === 1)
    expect((await ann.chg(pool, 'release', booking)).status).toBe(0)
    expect(await waiter.exited).toBe(0)
  })

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

test('a daemon begins a booking without a command', async () => {
  using pool = await bookablePool(1, daemonPool)
  await book(pool, 'in 1s')
  await until('it has begun', () => storedPool(pool).reservations.length === 1)
})

const isUsed = ({ term }: { readonly term: object }) => 'usedAt' in term

/** Two zones whose clocks are set back in different halves of the year, both from 03:00 to 02:00. */
const ZONES = [
  { zone: 'Europe/Berlin', winter: '+01:00', summer: '+02:00' },
  { zone: 'Pacific/Auckland', winter: '+12:00', summer: '+13:00' },
]

/** The dates of the next changes of the clocks, in the zone that repeats an hour first. */
function nextChanges() {
  const day = 24 * HOUR
  const days = Array.from({ length: 372 }, (_, ahead) => Math.floor(Date.now() / day + 2 + ahead) * day)
  const found = ZONES.map((place) => {
    const format = new Intl.DateTimeFormat('en', { timeZone: place.zone, timeZoneName: 'longOffset' })
    const isWinter = (at: number) => format.format(at).endsWith(place.winter)
    const noon = (date: number) => date + 12 * HOUR - Number(place.winter.slice(0, 3)) * HOUR
    const changeTo = (winter: boolean) =>
      days.find((at) => isWinter(noon(at - day)) !== winter && isWinter(noon(at)) === winter) ?? Number.NaN
    const dateOf = (at: number) => new Date(at).toISOString().slice(0, 10)
    return { ...place, skipped: dateOf(changeTo(false)), repeated: dateOf(changeTo(true)) }
  })
  const [first] = found.toSorted((a, b) => a.repeated.localeCompare(b.repeated))
  if (first === undefined) throw new Error('no zone')
  return first
}
