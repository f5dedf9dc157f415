import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { TimeRange } from '../../../src/domain/ledger/recorded.ts'
import { reportRange, tallied, usageReport } from '../../../src/domain/ledger/report.ts'
import { shownName } from '../../../src/domain/ledger/shown-names.ts'
import type { HeldTime } from '../../../src/domain/pool/model.ts'
import { gpuUnit } from '../../../src/domain/pool/units.ts'
import { NOON, owner } from '../pool/builders.ts'

const HOUR = 3_600_000

function time(from: number, to: number, parts: Partial<HeldTime> = {}): HeldTime {
  return {
    host: 'box',
    reservation: 'r',
    unit: '0',
    owner: owner(1, 'alice'),
    term: 'run',
    startedAt: from,
    endedAt: to,
    ...parts,
  }
}

const reportOf = (times: readonly HeldTime[], range: TimeRange) =>
  usageReport(tallied(times, range), range, 1)

const MINUTES = 600
const anyTimes = fc.array(
  fc
    .record({
      reservation: fc.integer({ min: 0, max: 9 }),
      gpu: fc.integer({ min: 0, max: 3 }),
      from: fc.integer({ min: -50, max: MINUTES }),
      length: fc.integer({ min: 0, max: 200 }),
    })
    .map(({ reservation, gpu, from, length }) => {
      return time(from * 60_000, (from + length) * 60_000, {
        reservation: `r${reservation}`,
        unit: gpuUnit(gpu),
        owner: owner(reservation % 3, `u${reservation % 3}`),
        term: reservation % 2 === 0 ? 'run' : 'manual',
      })
    }),
  { maxLength: 30 },
)

/** Counts the minutes of the period one by one. */
function minutesHeld(times: readonly HeldTime[], user: string | null): number {
  let minutes = 0
  for (let minute = 0; minute < MINUTES; minute++) {
    for (const each of times) {
      const within = each.startedAt <= minute * 60_000 && each.endedAt >= (minute + 1) * 60_000
      if (within && (user === null || each.owner.shownName === user)) minutes++
    }
  }
  return minutes
}

test('hours are the GPU minutes inside the period, for each user and in total', () => {
  fc.assert(
    fc.property(anyTimes, (times) => {
      const report = reportOf(times, { from: 0, to: MINUTES * 60_000 })
      expect(report.total.gpuHours).toBeCloseTo(minutesHeld(times, null) / 60, 6)
      for (const user of report.users) {
        expect(user.gpuHours).toBeCloseTo(minutesHeld(times, user.user) / 60, 6)
      }
      const hours = report.users.map((user) => user.gpuHours)
      expect(hours).toEqual(hours.toSorted((a, b) => b - a))
      const percentages = report.users.reduce((sum, user) => sum + user.percentage, 0)
      if (report.total.gpuHours > 0) expect(percentages).toBeCloseTo(100, 6)
    }),
    { numRuns: 100 },
  )
})

test('a reservation counts once, whatever the number of its GPUs', () => {
  const times = [0, 1, 2].map((gpu) => time(0, HOUR, { unit: gpuUnit(gpu) }))
  const report = reportOf(times, { from: 0, to: HOUR })
  expect(report.users).toEqual([
    { user: 'alice', account: 'alice', uid: 1, gpuHours: 3, percentage: 100, runs: 1, manuals: 0 },
  ])
  expect(report.total).toEqual({ gpuHours: 3, percentage: 100, runs: 1, manuals: 0 })
})

test('a reservation that was counted already only adds its hours', () => {
  const range = { from: 0, to: HOUR }
  const recorded = tallied([time(0, HOUR / 2, { reservation: 'a' })], range)
  const running = [
    time(0, HOUR, { reservation: 'a', unit: '1' }),
    time(0, HOUR, { reservation: 'b', unit: '2' }),
  ]
  const report = usageReport([...recorded, ...tallied(running, range, ['a'])], range, 1)
  expect(report.total).toEqual({ gpuHours: 2.5, percentage: 100, runs: 2, manuals: 0 })
})

test('time outside the period is cut off, and users without time in it are not listed', () => {
  const times = [
    time(-HOUR, HOUR, { reservation: 'before' }),
    time(9 * HOUR, 12 * HOUR, { reservation: 'after', term: 'manual' }),
    time(-3 * HOUR, -2 * HOUR, { reservation: 'long ago', owner: owner(2, 'bob') }),
  ]
  const report = reportOf(times, { from: 0, to: 10 * HOUR })
  expect(report.users).toEqual([
    { user: 'alice', account: 'alice', uid: 1, gpuHours: 2, percentage: 100, runs: 1, manuals: 1 },
  ])
})

test('an empty period has no users, no hours and no percentage', () => {
  const report = reportOf([], { from: 0, to: HOUR })
  expect(report.users).toEqual([])
  expect(report.total).toEqual({ gpuHours: 0, percentage: 0, runs: 0, manuals: 0 })
})

test('a booking counts as a manual reservation, and maintenance does not count', () => {
  const times = [
    time(0, HOUR, { reservation: 'a', term: 'run' }),
    time(0, HOUR, { reservation: 'b', term: 'manual' }),
    time(0, 2 * HOUR, { reservation: 'c', term: 'booking' }),
    time(0, 2 * HOUR, { reservation: 'c', term: 'booking', unit: '1' }),
    time(0, 9 * HOUR, { reservation: 'd', term: 'maintenance' }),
    time(0, 9 * HOUR, { reservation: 'e', term: 'maintenance', owner: owner(0, 'root') }),
  ]
  const report = reportOf(times, { from: 0, to: 10 * HOUR })
  expect(report.users).toEqual([
    { user: 'alice', account: 'alice', uid: 1, gpuHours: 6, percentage: 100, runs: 1, manuals: 2 },
  ])
  expect(report.total).toEqual({ gpuHours: 6, percentage: 100, runs: 1, manuals: 2 })
})

test('accounts with the same shown name stay apart', () => {
  const times = [
    time(0, HOUR, { reservation: 'a' }),
    time(0, HOUR, { reservation: 'b', owner: owner(2, 'bob', 'alice') }),
  ]
  const report = reportOf(times, { from: 0, to: HOUR })
  expect(report.users.map((user) => user.user)).toEqual(['alice', 'alice (bob)'])
})

test("the shown name alone is printed if it is the account's name", () => {
  expect(shownName(time(0, 0))).toBe('alice')
  expect(shownName(time(0, 0, { owner: owner(1, 'alice', 'dora') }))).toBe('dora (alice)')
})

test('a period is a number of days of 24 hours each, also when clocks change', () => {
  expect(reportRange(7, NOON.wall)).toEqual({ from: NOON.wall - 7 * 24 * HOUR, to: NOON.wall })
})

test('hours are added up by uid, also those recorded without a name; two uids with one name stay apart', () => {
  const held = (uid: number, name: string, user: string, hours: number) =>
    time(0, hours * HOUR, { reservation: `${uid} ${name} ${user}`, owner: owner(uid, name, user) })
  const range = { from: 0, to: 10 * HOUR }
  const report = usageReport(
    tallied(
      [
        held(1000, 'alice', 'alice', 1),
        held(1000, 'uid 1000', 'uid 1000', 5),
        held(1000, 'alice', 'team', 1),
        held(1001, 'bob', 'bob', 2),
        held(1002, 'bob', 'bob', 1),
        held(1003, 'uid 1003', 'uid 1003', 0.5),
      ],
      range,
    ),
    range,
    1,
  )
  expect(report.users.map(({ user, gpuHours }) => [user, gpuHours])).toEqual([
    ['alice', 6],
    ['bob (uid 1001)', 2],
    ['bob (uid 1002)', 1],
    ['team (alice)', 1],
    ['uid 1003', 0.5],
  ])
})

test('of an account with very many shown names, the first have lines of their own', () => {
  const times = Array.from({ length: 1_000 }, (_, at) =>
    time(0, HOUR, {
      reservation: `r${at}`,
      owner: { account: { uid: 1, name: 'alice' }, shownName: `name${at}` },
    }),
  )
  const { users, total } = reportOf(times, { from: 0, to: HOUR })
  expect(users.length).toBe(101)
  expect(users[0]).toMatchObject({ user: 'alice', gpuHours: 900, runs: 900 })
  expect(total).toMatchObject({ gpuHours: 1_000, runs: 1_000 })
})
