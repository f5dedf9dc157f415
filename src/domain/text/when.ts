import { CanhazgpuError } from '../errors.ts'
import type { Millis } from '../pool/model.ts'
import { parseDuration } from './duration.ts'

/** Minutes by which local time is ahead of UTC at this time. */
export type LocalOffset = (at: Millis) => number

/** The time and the time zone of the person who types. */
export interface Here {
  readonly now: Millis
  readonly offsetAt: LocalOffset
}

const DAY: Millis = 86_400_000
const MINUTE: Millis = 60_000
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const

/** Examples for shell completion. */
export const whenExamples: readonly string[] = ['tomorrow 9:00', 'today 18:00', 'fri 14:00', 'in 2h']

const WHEN = new RegExp(
  [
    /^(?:(?<day>[a-z]+)(?: |$))?/,
    /(?:(?<date>\d{4}-\d\d-\d\d)(?:[t ]|$))?/,
    /(?<clock>(?<hour>\d{1,2})(?::(?<minute>\d\d)(?::(?<second>\d\d(?:\.\d{1,9})?))?)? ?(?<half>am|pm)?)?/,
    /(?: ?(?<offset>z|[+-]\d\d:\d\d))?$/,
  ]
    .map(({ source }) => source)
    .join(''),
)

/** A typed time as it is read. `refuse` throws `usage`; without a hint it gives the usual examples. */
interface Reading extends Here {
  readonly refuse: (why: string, hint?: string) => never
}

/**
 * Reads a future time: `tomorrow 9:00`, `fri 2pm`, `14:00` (the next one), `in 2h`, `2026-12-01 09:00`, RFC 3339, and
 * what `formatWhen` prints. Nothing is guessed. Throws `usage` with what was understood and with examples.
 */
export function parseWhen(text: string, here: Here): Millis {
  const refuse = (why: string, hint = examplesFor(here)): never => {
    throw new CanhazgpuError('usage', `Invalid time '${text}': ${why}`, { hint })
  }
  if (text.length > LONGEST) refuse('not a time')
  const at = timeIn(text.trim().toLowerCase().replaceAll(/\s+/g, ' '), { ...here, refuse })
  return at > here.now ? at : refuse(`${formatWhen(at, here.offsetAt)} has passed`)
}

const examplesFor = (here: Here): string =>
  `use for example 'tomorrow 9:00', 'fri 2pm', 'in 2h' or '${dateOf(today(here) + DAY)} 09:00'`

/** Far more than any time needs; the regular expressions are slow on long texts. */
const LONGEST = 100

/** May return a time that has passed, if the text cannot mean a later one. */
function timeIn(typed: string, reading: Reading): Millis {
  const { now, refuse } = reading
  if (typed === 'now') return refuse('a booking begins later', 'leave it out to reserve GPUs now')
  if (typed.startsWith('in ')) return Math.ceil((now + laterBy(typed.slice(3))) / 1_000) * 1_000
  const parts = WHEN.exec(typed)?.groups
  if (parts === undefined) return refuse(/\d[/.]\d/.test(typed) ? NO_ISO_DATE : 'not a time')
  const { clock, date, day, offset } = parts
  if (clock === undefined && day === undefined && date === undefined) return refuse('not a time')
  const days = daysIn(parts, reading)
  if (clock === undefined) {
    const named = [day, date].filter((part) => part !== undefined).join(' ')
    return refuse('the time of day is missing', `use for example '${named} 18:00'`)
  }
  const sinceMidnight = timeOfDayIn(parts, reading)
  const locals = days.map((day) => day + sinceMidnight)
  if (offset === undefined) return firstFuture(locals, reading)
  if (date === undefined) return refuse('an offset needs a date')
  if (!/^(z|[+-]([01]\d|2[0-3]):[0-5]\d)$/.test(offset))
    return refuse(`'${offset}' is not an offset from UTC`)
  return (locals[0] ?? 0) - minutesIn(offset) * MINUTE
}

/** The duration after `in`. Its examples begin with `in`: a duration alone is not a time. */
function laterBy(typed: string): Millis {
  try {
    return parseDuration(typed)
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    const hint = "use for example 'in 30m', 'in 2h', 'in 1h30m' or 'in 1d'"
    throw new CanhazgpuError(error.code, error.message, { hint })
  }
}

const NO_ISO_DATE = 'a date is written year-month-day, because day and month could be confused'

type Parts = Readonly<Record<string, string | undefined>>

/** The days that are meant, earliest first: the first one on which the time is not past. */
function daysIn({ day, date }: Parts, { refuse, ...here }: Reading): readonly Millis[] {
  const weekday = WEEKDAYS.map((name) => name.toLowerCase()).findIndex(
    (name) => name === day || name.slice(0, 3) === day,
  )
  if (date !== undefined) {
    const start = Date.parse(`${date}T00:00:00Z`)
    if (Number.isNaN(start) || dateOf(start) !== date) return refuse(`${date} is not a date`)
    const isRight = day === undefined || weekday === weekdayOf(start)
    return isRight ? [start] : refuse(`${date} is a ${weekdayName(start)}`)
  }
  const first = today(here)
  if (day === undefined) return [first, first + DAY]
  if (day === 'today') return [first]
  if (day === 'tomorrow') return [first + DAY]
  if (weekday < 0) return refuse(`'${day}' is not a day`)
  const next = first + ((weekday - weekdayOf(first) + 7) % 7) * DAY
  return [next, next + 7 * DAY]
}

function timeOfDayIn({ clock, hour, minute = '0', second = '0', half }: Parts, { refuse }: Reading): Millis {
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)]
  const isHour = half === undefined ? hours < 24 : hours >= 1 && hours <= 12
  const why = `'${clock}' is not a time of day`
  if (!isHour || minutes > 59 || seconds >= 60) return refuse(why)
  if (clock === hour) {
    refuse(why, `write ${hour}:00${hours >= 1 && hours <= 12 ? `, ${hour}am or ${hour}pm` : ''}`)
  }
  const inDay = half === undefined ? hours : (hours % 12) + (half === 'pm' ? 12 : 0)
  return Math.round((inDay * 60 + minutes) * MINUTE + seconds * 1_000)
}

/** The first of these local times that is not past, or else the first. Its day must have this time, and only once. */
function firstFuture(locals: readonly Millis[], { now, offsetAt, refuse }: Reading): Millis {
  let past: Millis | undefined
  for (const local of locals) {
    const offsets = [...new Set([offsetAt(local - DAY), offsetAt(local + DAY)])]
    const candidates = offsets.map((offset) => local - offset * MINUTE)
    const times = candidates.filter((at) => at + offsetAt(at) * MINUTE === local)
    const latest = Math.max(...(times.length === 0 ? candidates : times))
    const [shown, [before, after]] = [localWords(local), offsets.map(offsetWords)] as const
    if (latest <= now) past ??= latest
    else if (times.length === 1) return latest
    else if (times.length === 0) refuse(`${shown} does not exist: the clocks go from ${before} to ${after}`)
    else refuse(`${shown} happens twice`, `write '${shown} ${before}' or '${shown} ${after}'`)
  }
  return past ?? refuse('not a time')
}

/** `Tue 2026-12-01 09:00 +01:00`; `parseWhen` reads it. */
export function formatWhen(at: Millis, offsetAt: LocalOffset): string {
  const offset = offsetAt(at)
  return `${localWords(at + offset * MINUTE)} ${offsetWords(offset)}`
}

/** `Tue 2026-12-01 09:00`, with seconds unless they are zero. */
function localWords(local: Millis): string {
  const clock = new Date(local).toISOString().slice(11, 19).replace(/:00$/, '')
  return `${weekdayName(local).slice(0, 3)} ${dateOf(local)} ${clock}`
}

function offsetWords(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `${minutes < 0 ? '-' : '+'}${[hours, rest].map((part) => String(part).padStart(2, '0')).join(':')}`
}

function minutesIn(offset: string): number {
  const [hours, minutes] = offset === 'z' ? [0, 0] : [Number(offset.slice(1, 3)), Number(offset.slice(4))]
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}

/** The start of the local day. Like all local times here, it is written as if it were UTC. */
const today = ({ now, offsetAt }: Here): Millis => Math.floor((now + offsetAt(now) * MINUTE) / DAY) * DAY

const dateOf = (local: Millis): string => new Date(local).toISOString().slice(0, 10)

const weekdayOf = (local: Millis): number => new Date(local).getUTCDay()

const weekdayName = (local: Millis): string => WEEKDAYS[weekdayOf(local)] ?? ''
