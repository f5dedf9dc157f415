import { shownName } from '../../domain/ledger/shown-names.ts'
import type { GpuStatus, Overview } from '../../domain/observation/status.ts'
import { bookingsOf } from '../../domain/pool/bookings.ts'
import type { Booking, Millis } from '../../domain/pool/model.ts'
import { unitsOf } from '../../domain/pool/units.ts'
import { type BegunBooking, begunBookings, type Period, timelineOf } from '../../domain/schedule/timeline.ts'
import { idRanges } from '../../domain/text/gpu-ids.ts'
import { printable } from '../../domain/text/text.ts'
import { clockTime } from './clock-time.ts'
import { requestWords } from './request-words.ts'
import { STATES } from './status/states.ts'
import { table } from './table.ts'

/** The bookings as a table, and the periods of each GPU as a sentence. */
export function scheduleText({ pool, gpus, view: { now } }: Overview, columns: number | undefined): string {
  const later = bookingsOf(pool)
  const rows = [
    ...begunBookings(pool).map((booking) => begunRow(booking, now)),
    ...later.map((booking) => laterRow(booking, now)),
  ]
  const bookings = rows.length === 0 ? 'No bookings\n' : table(HEADER, rows, columns)
  return `${bookings}\n${gpus.map((gpu) => `${gpuLine(gpu, later, now)}\n`).join('')}`
}

const HEADER = ['BOOKING', 'USER', 'GPUS', 'FROM', 'UNTIL', 'STATE', 'NOTE']

const begunRow = (booking: BegunBooking, now: Millis): readonly string[] =>
  rowOf(booking, { gpus: `GPU ${idsOf(booking)}`, state: 'begun', now })

function laterRow(booking: Booking, now: Millis): readonly string[] {
  const { request } = booking
  const requested = requestWords(request)
  const gpus = request.kind === 'ids' ? requested : `${requested} (${idsOf(booking)})`
  return rowOf(booking, { gpus, state: booking.term.from <= now ? 'waits for its GPUs' : '', now })
}

const idsOf = (booking: Pick<Booking, 'holdings'>): string => idRanges(unitsOf(booking))

function rowOf(
  { id, owner, term, note = '' }: Pick<Booking, 'id' | 'owner' | 'term' | 'note'>,
  { gpus, state, now }: { readonly gpus: string; readonly state: string; readonly now: Millis },
): readonly string[] {
  const who = printable(shownName({ owner }))
  return [id, who, gpus, clockTime(term.from, now), clockTime(term.until, now), state, printable(note)]
}

/** `GPU 0: ann (run) until 14:30, free until tomorrow 09:00, booked by ben until tomorrow 13:00, then free`. */
function gpuLine(gpu: GpuStatus, later: readonly Booking[], now: Millis): string {
  const periods = timelineOf(gpu, later, { now })
  const others = periods.slice(MOST_PERIODS).filter(({ kind }) => kind === 'booked').length
  const shown = others < 2 ? periods : periods.slice(0, MOST_PERIODS)
  const words = shown.map((period, at) => periodWords(period, { gpu, now, before: periods[at - 1] }))
  return `GPU ${gpu.unit.id}: ${words.join(', ')}${others < 2 ? '' : `, and ${others} more bookings`}`
}

/** A longer line cannot be read. `--json` has all. */
const MOST_PERIODS = 6

interface Beside {
  readonly gpu: GpuStatus
  readonly now: Millis
  readonly before: Period | undefined
}

function periodWords(period: Period, { gpu, now, before }: Beside): string {
  const until = period.until === undefined ? '' : ` until ${clockTime(period.until, now)}`
  const then = before === undefined || until !== '' ? '' : 'then '
  switch (period.kind) {
    case 'free':
      return `${then}free${until}`
    case 'unavailable':
      return `${then}${unavailableWords(gpu)}`
    case 'held': {
      const who = `${printable(shownName(period.reservation))} (${period.reservation.term.kind})`
      return `${who}${until === '' ? ', end unknown' : until}`
    }
    case 'booked': {
      const begins = before?.kind === 'free' || before?.until === period.from
      const from = begins ? '' : ` from ${clockTime(period.from, now)}`
      return `booked by ${printable(shownName(period.booking))}${from}${until}`
    }
  }
}

function unavailableWords({ kind, unit }: GpuStatus): string {
  return unit.drain === undefined ? STATES[kind].phrase : STATES.drained.phrase
}
