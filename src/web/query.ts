import type { TimeRange } from '../domain/ledger/recorded.ts'
import type { Millis } from '../domain/pool/model.ts'
import { HttpError } from './errors.ts'

export const MOST_DAYS = 90
const DEFAULT_DAYS = 30
const DAY_MS: Millis = 86_400_000
const MINUTE_MS: Millis = 60_000

/** The values of these parameters. Throws an `HttpError` if one is given more than once. */
export function singleValues(
  given: Readonly<Record<string, readonly string[]>>,
  ...names: readonly string[]
): readonly (string | undefined)[] {
  return names.map((name) => {
    const values = Object.hasOwn(given, name) ? (given[name] ?? []) : []
    if (values.length > 1) throw new HttpError('bad-request', `The parameter ${name} is given more than once`)
    return values[0]
  })
}

/** `days=N`, a whole number from 1 to 90. */
export function daysOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_DAYS
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (days >= 1 && days <= MOST_DAYS) return days
  throw new HttpError('bad-request', `Invalid value for days: expected a whole number from 1 to ${MOST_DAYS}`)
}

/**
 * `from=…&to=…` in RFC 3339. `to` defaults to now, and `from` to 24 hours before `to`. The range is widened to whole
 * minutes, so that pages that send a request at about the same time share one answer.
 */
export function rangeOf(from: string | undefined, to: string | undefined, now: Millis): TimeRange {
  const end = to === undefined ? now : parseTime('to', to)
  const start = from === undefined ? end - DAY_MS : parseTime('from', from)
  if (start >= end) throw new HttpError('bad-request', 'Invalid range: from is not before to')
  if (end - start > MOST_DAYS * DAY_MS) {
    throw new HttpError('bad-request', `Invalid range: longer than ${MOST_DAYS} days`)
  }
  return { from: Math.floor(start / MINUTE_MS) * MINUTE_MS, to: Math.ceil(end / MINUTE_MS) * MINUTE_MS }
}

/** Whether the date exists. `Date` parses the 30th of February as the 2nd of March. */
function isCalendarDate(text: string): boolean {
  const day = text.slice(0, 10)
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/

function parseTime(name: string, text: string): Millis {
  const ms = RFC3339.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isFinite(ms) && isCalendarDate(text)) return ms
  throw new HttpError(
    'bad-request',
    `Invalid value for ${name}: expected a time such as 2026-03-14T15:00:00Z (in a URL, + is %2B)`,
  )
}
