import { useEffect, useState } from 'preact/hooks'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The two largest units: `2d 4h`, `3h 07m`, `12m`, `40s`. */
export function shortDuration(ms: number): string {
  const whole = Math.max(0, ms)
  if (whole < MINUTE) return `${Math.floor(whole / 1_000)}s`
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}m`
  const minutes = Math.floor((whole % HOUR) / MINUTE)
  if (whole < DAY) return `${Math.floor(whole / HOUR)}h ${String(minutes).padStart(2, '0')}m`
  return `${Math.floor(whole / DAY)}d ${Math.floor((whole % DAY) / HOUR)}h`
}

/** `14:32`; with the day if it is not today, and with the year if it is not this one. */
export function clockTime(at: number, now: number): string {
  const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  if (new Date(at).toDateString() === new Date(now).toDateString()) return time.format(at)
  const isThisYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  const day = new Intl.DateTimeFormat(undefined, {
    ...{ weekday: 'short', day: 'numeric', month: 'short' },
    ...(isThisYear ? {} : { year: 'numeric' }),
  })
  return `${day.format(at)}, ${time.format(at)}`
}

/** The server's current time: that of the last snapshot plus its age. Updated every second. */
export function useServerNow(at: string | undefined, receivedAt: number): number {
  const [tick, setTick] = useState(() => performance.now())
  useEffect(() => {
    const timer = setInterval(() => setTick(performance.now()), 1_000)
    return () => clearInterval(timer)
  }, [])
  const base = at === undefined ? Date.now() : Date.parse(at)
  return at === undefined ? base : base + Math.max(0, tick - receivedAt)
}

/** How often figures about the past are fetched again. */
const REFRESH_EVERY_MS = MINUTE

/** The number of minutes since the page was opened. */
export function useMinuteCount(): number {
  const [minutes, setMinutes] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setMinutes((before) => before + 1), REFRESH_EVERY_MS)
    return () => clearInterval(timer)
  }, [])
  return minutes
}
