import type { HistoryRecordDocument } from '../../../views/schemas/usage.ts'
import { TYPES } from '../../../views/words/status/states.ts'
import { clockTime, shortDuration } from '../time.ts'
import type { Bar, HeldBar } from './timeline-bars.ts'

/** The line below the timeline for the bar under the pointer. */
export function barWords(bar: Bar, now: number): string {
  switch (bar.kind) {
    case 'held':
      return heldWords(bar, now)
    case 'expected':
      return `GPU ${bar.gpu}: ${bar.user}, ${expectedWords(bar.end, now)}`
    case 'booked': {
      const { from, to, user, booking } = bar
      const note = booking.note === undefined ? '' : ` – ${booking.note}`
      return `GPU ${bar.gpu}: booked by ${user}, ${clockTime(from, now)} to ${clockTime(to, from)} (${shortDuration(to - from)})${note}`
    }
    case 'drained': {
      const { by, reason } = bar.drain
      const since = `${clockTime(bar.from, now)} (${shortDuration(now - bar.from)})`
      return `GPU ${bar.gpu}: drained by ${by} since ${since}${reason === undefined ? '' : ` – ${reason}`}`
    }
  }
}

function heldWords({ gpu, user, from, to, record }: HeldBar, now: number): string {
  const end = record.ended_at === undefined ? 'now' : clockTime(to, now)
  const kind = TYPES[record.type].word
  const note = record.note === undefined ? '' : ` – ${record.note}`
  const outcome = record.outcome === undefined ? '' : `, ${endWords(record)}`
  return `GPU ${gpu}: ${user}, ${clockTime(from, now)} to ${end} (${shortDuration(to - from)}, ${kind}${outcome})${note}`
}

export const expectedWords = (end: number | null, now: number): string =>
  end === null
    ? 'no known end'
    : `until ${clockTime(end, now)} at the latest (${shortDuration(end - now)} left)`

/** How the reservation ended. */
export function endWords({ outcome, ended_by: by }: HistoryRecordDocument): string {
  if (outcome === undefined) return 'still held'
  return by === undefined ? outcome : `${outcome} by ${by}`
}
