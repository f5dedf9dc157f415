import { expect, test } from 'bun:test'
import * as v from 'valibot'
import type { Overview } from '../../src/domain/observation/status.ts'
import type { Booking } from '../../src/domain/pool/model.ts'
import { wholeUnits } from '../../src/domain/pool/units.ts'
import { scheduleDocument } from '../../src/views/documents/schedule-document.ts'
import { schedule } from '../../src/views/schemas/schedule.ts'
import { ALICE, bookingOf, NOON, poolOf, someUnits, unit } from '../domain/pool/builders.ts'

const HOUR = 3_600_000
const NOW = NOON.wall
const at = (hours: number) => new Date(NOW + hours * HOUR).toISOString()

const later = (hours: number): Booking => ({
  ...{ id: `in ${hours}`, owner: ALICE, request: someUnits(1), holdings: wholeUnits(['0']), bookedAt: NOW },
  term: { kind: 'booking', from: NOW + hours * HOUR, until: NOW + (hours + 1) * HOUR },
})

const use = { kind: 'measured', memoryUsedMb: 0, processes: [] } as const
const begun = bookingOf({ id: 'begun', units: [1], note: 'demo' })
const overview: Overview = {
  pool: poolOf([unit(0), unit(1)], { reservations: [begun], bookings: [later(1), later(3)] }),
  view: { now: NOW, thresholdMb: 1024 },
  gpus: [
    { kind: 'available', unit: unit(0), use },
    { kind: 'reserved', unit: unit(1), use, reservation: begun },
  ],
}

test('the schedule has bookings that have begun and later ones, and the periods of each GPU', () => {
  const document = scheduleDocument(overview)
  expect(v.parse(schedule, document)).toEqual(document)
  expect(document.bookings.map(({ booking, begun_at }) => [booking, begun_at])).toEqual([
    ['begun', at(-1)],
    ['in 1', undefined],
    ['in 3', undefined],
  ])
  const owner = { user: 'alice', account: 'alice' }
  expect(document.gpus).toEqual([
    {
      ...{ gpu_id: 0, status: 'AVAILABLE' },
      periods: [
        { state: 'FREE', from: at(0), until: at(1) },
        { state: 'BOOKED', from: at(1), until: at(2), reservation: 'in 1', ...owner },
        { state: 'FREE', from: at(2), until: at(3) },
        { state: 'BOOKED', from: at(3), until: at(4), reservation: 'in 3', ...owner },
        { state: 'FREE', from: at(4) },
      ],
    },
    {
      ...{ gpu_id: 1, status: 'IN_USE' },
      periods: [
        {
          state: 'HELD',
          from: at(-1),
          until: at(1),
          reservation: 'begun',
          type: 'BOOKING',
          ...owner,
          note: 'demo',
        },
        { state: 'FREE', from: at(1) },
      ],
    },
  ])
})

test('a schedule without the latest bookings does not show a GPU as free when they need it', () => {
  const document = scheduleDocument(overview, 1)
  expect(v.parse(schedule, document)).toEqual(document)
  expect(document).toMatchObject({ left_out: 1, bookings: [{ booking: 'begun' }, { booking: 'in 1' }] })
  for (const { periods } of document.gpus)
    expect(periods.at(-1)).toMatchObject({ state: 'FREE', until: at(3) })
})
