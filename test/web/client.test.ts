import { describe, expect, test } from 'bun:test'
import type { RuleDocument } from '../../src/views/schemas/policy.ts'
import type { BookingDocument } from '../../src/views/schemas/schedule.ts'
import type { StatusDocument } from '../../src/views/schemas/status.ts'
import { hoursOf, uidOf } from '../../src/web/client/accounts/account-hours.ts'
import { limitsOf, sourceWords, usedWords } from '../../src/web/client/accounts/account-limits.ts'
import { shortDuration } from '../../src/web/client/time.ts'
import { barsOf } from '../../src/web/client/timeline/timeline-bars.ts'
import { DAY, panned, ticksOf, viewOf, zoomed } from '../../src/web/client/timeline/timeline-view.ts'
import { shownUser } from '../../src/web/client/users.ts'

const HOUR = DAY / 24
const NOW = Date.UTC(2026, 2, 14, 15)

test.each([
  [-5_000, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [3_599_000, '59m'],
  [3_600_000 + 7 * 60_000, '1h 07m'],
  [27 * 3_600_000, '1d 3h'],
])('%p ms is %p', (ms, words) => {
  expect(shortDuration(ms)).toBe(words)
})

test('if the shown name is not that of the account, both are shown', () => {
  expect(shownUser('alice', 'alice')).toBe('alice')
  expect(shownUser('alice', 'bob')).toBe('alice (bob)')
  expect(shownUser('alice', undefined)).toBe('alice')
})

test('the hours of an account are found by its uid, whatever name its records have', () => {
  const usage = (user: string, account: string, uid: number, gpu_hours: number) => ({
    ...{ user, account, uid, gpu_hours, percentage: gpu_hours, run: 1, manual: 0 },
  })
  const users = [
    usage('ann', 'ann', 1000, 5),
    usage('team (anna)', 'anna', 1000, 2),
    usage('ann (uid 900)', 'ann', 900, 70),
  ]
  const total = { gpu_hours: 77, percentage: 100, run: 3, manual: 0 }
  const report = { days: 7, from: '', to: '', users, total, total_reservations: 3, unique_users: 3 }
  const account = { account: 'ann', uid: 1000, gpus: 0, gpu_ids: [], waiting: 0, bookings: 0, limits: [] }
  expect(hoursOf(uidOf('ann', [account], report), report)).toEqual({ hours: 7, share: 7 })
  expect(uidOf('anna', [account], report)).toBe(1000)
  expect(hoursOf(uidOf('ben', [account], report), report)).toEqual({ hours: 0, share: 0 })
})

describe('the visible time range', () => {
  test('zooming keeps the time under the pointer', () => {
    const view = { from: NOW - 20 * HOUR, to: NOW - 10 * HOUR }
    const closer = zoomed(view, 0.5, 0.25, NOW)
    expect(closer.to - closer.from).toBe(5 * HOUR)
    expect(closer.from + 0.25 * 5 * HOUR).toBe(view.from + 0.25 * 10 * HOUR)
  })

  test('is between 15 minutes and 30 days long', () => {
    let view = viewOf(DAY, NOW)
    for (let at = 0; at < 50; at++) view = zoomed(view, 0.5, 0.5, NOW)
    expect(view.to - view.from).toBe(HOUR / 4)
    for (let at = 0; at < 50; at++) view = zoomed(view, 2, 0.5, NOW)
    expect(view.to - view.from).toBe(30 * DAY)
  })

  test('ends at most 30 days after now, and begins at most 90 days before', () => {
    let view = viewOf(DAY, NOW)
    expect(view.to).toBe(NOW + DAY / 4)
    for (let at = 0; at < 200; at++) view = panned(view, 1, NOW)
    expect(view.to).toBe(NOW + 30 * DAY)
    for (let at = 0; at < 200; at++) view = panned(view, -1, NOW)
    expect(view.from).toBeGreaterThanOrEqual(NOW - 90 * DAY)
    expect(view.to - view.from).toBeCloseTo(DAY, -1)
  })

  test.each([HOUR / 4, HOUR, DAY, 7 * DAY, 30 * DAY])('%p ms have no more labels than fit', (span) => {
    const ticks = ticksOf({ from: NOW - span, to: NOW }, 8)
    expect(ticks.length).toBeGreaterThan(1)
    expect(ticks.length).toBeLessThanOrEqual(9)
  })
})

describe('the bars of the timeline', () => {
  const gpu = (parts: Partial<StatusDocument>): StatusDocument => ({
    ...{ gpu_id: 0, status: 'IN_USE', gpu_model: 'Fake GPU', user: 'ann', account: 'ann' },
    ...parts,
  })
  const time = (ms: number) => new Date(ms).toISOString()
  const barsWith = (status: readonly StatusDocument[], bookings: readonly BookingDocument[] = []) =>
    barsOf([], { status, schedule: { at: time(NOW), bookings, gpus: [] } }, NOW)

  test('a held GPU has a bar up to its latest end', () => {
    expect(barsWith([gpu({ expiry_time: time(NOW + HOUR) })])).toEqual([
      { kind: 'expected', gpu: 0, user: 'ann', from: NOW, to: NOW + HOUR, end: NOW + HOUR },
    ])
  })

  test.each([undefined, time(NOW - 1)])('with the end %p, no end is known', (expiry) => {
    const [bar] = barsWith([gpu(expiry === undefined ? {} : { expiry_time: expiry })])
    expect(bar).toMatchObject({ kind: 'expected', to: Number.POSITIVE_INFINITY, end: null })
  })

  test('a drained GPU has a bar from the drain on', () => {
    const drain = { by: 'root', since: time(NOW - HOUR) }
    const { user: _, account: __, ...unheld } = gpu({ status: 'DRAINED', drain })
    expect(barsWith([unheld])).toEqual([
      { kind: 'drained', gpu: 0, from: NOW - HOUR, to: Number.POSITIVE_INFINITY, drain },
    ])
  })

  test('a booking has a bar on each of its GPUs, until it begins', () => {
    const booking: BookingDocument = {
      ...{ booking: 'b', user: 'x', account: 'ann', request: '2 GPUs', gpus: 2, planned_gpu_ids: [1, 3] },
      ...{ from: time(NOW + HOUR), until: time(NOW + 2 * HOUR) },
    }
    const bar = { kind: 'booked', user: 'x (ann)', from: NOW + HOUR, to: NOW + 2 * HOUR, booking } as const
    expect(barsWith([], [booking])).toEqual([1, 3].map((number) => ({ ...bar, gpu: number })))
    expect(barsWith([], [{ ...booking, begun_at: time(NOW) }])).toEqual([])
  })
})

describe('the limits of an account', () => {
  const rule = (parts: Partial<RuleDocument>): RuleDocument => ({
    ...{ rule: 'max-gpus', value: '4', amount: 4, source: 'pool' },
    ...parts,
  })
  const ofGroup = rule({ value: '2', amount: 2, source: 'group', name: 'students' })

  test('are those that the server lists for it', () => {
    const account = { account: 'ann', gpus: 1, gpu_ids: [0], waiting: 0, bookings: 0, limits: [ofGroup] }
    const limits = limitsOf(account, { advisory: false, rules: [rule({}), ofGroup] })
    expect(limits.rule('max-gpus')).toEqual(ofGroup)
    expect(limits.rule('max-duration')).toBeUndefined()
  })

  test('if the server does not list it, they are those of the pool, unless a group has one', () => {
    const rules = [rule({}), rule({ rule: 'max-waiting' }), ofGroup]
    const limits = limitsOf(undefined, { advisory: false, rules })
    expect(limits.rule('max-gpus')).toBeUndefined()
    expect(limits.rule('max-waiting')).toEqual(rule({ rule: 'max-waiting' }))
  })

  test('in words', () => {
    expect(usedWords(1, ofGroup)).toBe('1 of 2')
    expect(usedWords(1, undefined)).toBe('1')
    expect(sourceWords(ofGroup)).toBe('max-gpus of group students')
    expect(sourceWords(rule({}))).toBe('max-gpus of this pool')
    expect(sourceWords(undefined)).toBe('depends on its Unix groups')
  })
})
