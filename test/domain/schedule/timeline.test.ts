import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { GpuStatus } from '../../../src/domain/observation/status.ts'
import type { Booking } from '../../../src/domain/pool/model.ts'
import { wholeUnits } from '../../../src/domain/pool/units.ts'
import { timelineOf } from '../../../src/domain/schedule/timeline.ts'
import { ALICE, manualOf, NOON, runOf, someUnits, unit } from '../pool/builders.ts'

const NOW = NOON.wall
const HOUR = 3_600_000
const use = { kind: 'measured', memoryUsedMb: 0, processes: [] } as const

const free: GpuStatus = { kind: 'available', unit: unit(0), use }
const heldUntil = (expiresAt: number): GpuStatus => ({
  ...{ kind: 'reserved', unit: unit(0), use },
  reservation: manualOf({ expiresAt }),
})

const bookingOf = (from: number, until: number, gpu = '0'): Booking => ({
  ...{ id: `from-${from}`, owner: ALICE, request: someUnits(1), holdings: wholeUnits([gpu]), bookedAt: NOW },
  term: { kind: 'booking', from: NOW + from * HOUR, until: NOW + until * HOUR },
})

const shape = (status: GpuStatus, bookings: readonly Booking[]) =>
  timelineOf(status, bookings, { now: NOW }).map(({ kind, until }) =>
    until === undefined ? kind : `${kind} until ${(until - NOW) / HOUR}`,
  )

test('the gaps between bookings are free', () => {
  const bookings = [bookingOf(2, 3), bookingOf(3, 4, '1'), bookingOf(5, 6)]
  expect(shape(free, bookings)).toEqual([
    ...['free until 2', 'booked until 3', 'free until 5', 'booked until 6', 'free'],
  ])
  expect(shape(heldUntil(NOW + HOUR), bookings)).toEqual([
    ...['held until 1', 'free until 2', 'booked until 3', 'free until 5', 'booked until 6', 'free'],
  ])
  expect(shape(heldUntil(NOW + 2 * HOUR), bookings.slice(0, 1))).toEqual([
    'held until 2',
    'booked until 3',
    'free',
  ])
})

test('after a hold without a known end, nothing is known to be free', () => {
  const endless = { kind: 'reserved', unit: unit(0), use, reservation: runOf() } as const
  expect(shape(endless, [])).toEqual(['held'])
  const limit = { interruptAt: NOW - HOUR, killAt: NOW }
  expect(shape({ ...endless, reservation: runOf({ limit }) }, [])).toEqual(['held'])
})

test('a GPU that is drained, faulty or in use without a reservation is not shown as free', () => {
  const drain = { since: NOW, by: ALICE.account }
  const drained = unit(0, { drain })
  const fault = { kind: 'fault', code: 'reported', reason: 'GPU is lost' } as const
  for (const status of [
    { kind: 'drained', unit: drained, use, drain },
    { kind: 'unreserved', unit: unit(0), use },
    { kind: 'error', unit: unit(0), use: fault },
  ] as const satisfies readonly GpuStatus[]) {
    expect(shape(status, [bookingOf(1, 2)])).toEqual(['unavailable until 1', 'booked until 2', 'unavailable'])
  }
  const leaving = {
    kind: 'reserved',
    unit: drained,
    use,
    reservation: manualOf({ expiresAt: NOW + HOUR }),
  } as const
  expect(shape(leaving, [])).toEqual(['held until 1', 'unavailable'])
})

test('a booking that waits for its GPUs follows their holder', () => {
  expect(shape(heldUntil(NOW + HOUR), [bookingOf(0, 2)])).toEqual(['held until 1', 'booked until 2', 'free'])
})

test('a timeline ends at a given time, if bookings after it are left out', () => {
  const until = NOW + 3 * HOUR
  const kinds = (bookings: readonly Booking[]) =>
    timelineOf(free, bookings, { now: NOW, until }).map((period) => [period.kind, period.until])
  expect(kinds([])).toEqual([['free', until]])
  expect(kinds([bookingOf(1, 4)])).toEqual([
    ['free', NOW + HOUR],
    ['booked', NOW + 4 * HOUR],
  ])
})

test('the periods follow each other without a gap, and only the last one may have no end', () => {
  const lengths = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 5 })), {
    maxLength: 6,
  })
  fc.assert(
    fc.property(lengths, fc.option(fc.integer({ min: 1, max: 9 })), (gaps, held) => {
      let at = held ?? 0
      const bookings = gaps.map(([gap, length]) => {
        const from = at + gap
        at = from + length
        return bookingOf(from, at)
      })
      const status = held === null ? free : heldUntil(NOW + held * HOUR)
      const periods = timelineOf(status, bookings, { now: NOW })
      for (const [index, { until }] of periods.entries()) expect(until).toBe(periods[index + 1]?.from)
      expect(periods.filter(({ kind }) => kind === 'booked').length).toBe(bookings.length)
      expect(
        periods.filter(({ kind }, index) => kind === 'free' && periods[index + 1]?.kind === 'free'),
      ).toEqual([])
    }),
  )
})
