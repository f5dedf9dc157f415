import type { Millis } from '../../domain/pool/model.ts'
import type { LocalOffset } from '../../domain/text/when.ts'

const two = (number: number): string => String(number).padStart(2, '0')

/** `14:32`, `tomorrow 01:08`, or with the date if it is neither today nor tomorrow. */
export function clockTime(at: Millis, now: Millis): string {
  const date = new Date(at)
  const today = new Date(now)
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`
  if (date.toDateString() === today.toDateString()) return time
  today.setDate(today.getDate() + 1)
  return date.toDateString() === today.toDateString() ? `tomorrow ${time}` : `${dateOf(date)} ${time}`
}

/** `2026-03-01 14:32:05`, for log files. */
export function logTime(at: Millis): string {
  const date = new Date(at)
  return `${dateOf(date)} ${timeOfDay(at)}`
}

/** `14:32:05` */
export function timeOfDay(at: Millis): string {
  const date = new Date(at)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
}

/** The local time zone of this process. */
export const localOffset: LocalOffset = (at) => -new Date(at).getTimezoneOffset()

const dateOf = (date: Date): string =>
  `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
