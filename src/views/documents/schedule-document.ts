import type { Overview } from '../../domain/observation/status.ts'
import { bookingsOf } from '../../domain/pool/bookings.ts'
import { gpuNumber, unitsOf } from '../../domain/pool/units.ts'
import { type BegunBooking, begunBookings, type Period, timelineOf } from '../../domain/schedule/timeline.ts'
import type { BookingDocument, PeriodDocument, ScheduleDocument } from '../schemas/schedule.ts'
import { requestWords } from '../words/request-words.ts'
import { STATES } from '../words/status/states.ts'
import { bookingDocument, commonFields, ownerFields } from './booking-document.ts'
import { timestamp, typeOf } from './status-document.ts'

type Shown = Pick<Overview, 'pool' | 'gpus' | 'view'>

/** Of more than `most` bookings that have not begun, the latest are left out. */
export function scheduleDocument(
  { pool, gpus, view: { now } }: Shown,
  most = Number.POSITIVE_INFINITY,
): ScheduleDocument {
  const all = bookingsOf(pool)
  const later = all.slice(0, most)
  const until = all[later.length]?.term.from
  const span = until === undefined ? { now } : { now, until }
  return {
    at: timestamp(now),
    bookings: [...begunBookings(pool).map(begunDocument), ...later.map(bookingDocument)],
    gpus: gpus.map((gpu) => ({
      gpu_id: gpuNumber(gpu.unit.id),
      status: STATES[gpu.kind].json,
      periods: timelineOf(gpu, later, span).map(periodDocument),
    })),
    ...(later.length === all.length ? {} : { left_out: all.length - later.length }),
  }
}

const begunDocument = (booking: BegunBooking): BookingDocument => ({
  ...commonFields(booking),
  request: requestWords({ kind: 'ids', ids: unitsOf(booking) }),
  gpus: booking.holdings.length,
  begun_at: timestamp(booking.startedAt),
})

function periodDocument(period: Period): PeriodDocument {
  const until = period.until === undefined ? {} : { until: timestamp(period.until) }
  const times = { from: timestamp(period.from), ...until }
  switch (period.kind) {
    case 'free':
      return { state: 'FREE', ...times }
    case 'unavailable':
      return { state: 'UNAVAILABLE', ...times }
    case 'held': {
      const { id, term } = period.reservation
      return {
        state: 'HELD',
        ...times,
        reservation: id,
        type: typeOf(term.kind),
        ...ownerFields(period.reservation),
      }
    }
    case 'booked': {
      const { id, owner } = period.booking
      return {
        state: 'BOOKED',
        ...times,
        reservation: id,
        user: owner.shownName,
        account: owner.account.name,
      }
    }
  }
}
