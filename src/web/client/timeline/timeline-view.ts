/** The visible time range. */
export interface View {
  readonly from: number
  readonly to: number
}

const HOUR = 3_600_000
export const DAY = 24 * HOUR
const NARROWEST = HOUR / 4
const WIDEST = 30 * DAY
/** The future's share of the visible range, unless the reader looks ahead. */
const AHEAD = 0.25
const FURTHEST = 30 * DAY

export function viewOf(span: number, now: number, ahead = AHEAD): View {
  return within({ from: now - span * (1 - ahead), to: now + span * ahead }, now)
}

/** A factor below 1 zooms in. The time at `around`, from 0 (left) to 1 (right), stays where it is. */
export function zoomed({ from, to }: View, factor: number, around: number, now: number): View {
  const span = Math.min(WIDEST, Math.max(NARROWEST, (to - from) * factor))
  const fixed = from + (to - from) * around
  return within({ from: fixed - span * around, to: fixed + span * (1 - around) }, now)
}

/** Moved by `widths` times the width of the view. A positive value shows later times. */
export function panned({ from, to }: View, widths: number, now: number): View {
  const by = (to - from) * widths
  return within({ from: from + by, to: to + by }, now)
}

/** Moves a view that ends too far in the future or begins before the oldest history that the server sends. */
function within({ from, to }: View, now: number): View {
  const span = to - from
  const latest = now + FURTHEST
  const earliest = now - 90 * DAY
  const end = Math.min(latest, Math.max(to, earliest + span))
  return { from: end - span, to: end }
}

const STEPS = [
  HOUR / 12,
  HOUR / 4,
  HOUR / 2,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  5 * DAY,
  7 * DAY,
]

export interface Tick {
  readonly at: number
  readonly label: string
}

/** About `count` round times in the visible range, in the reader's time zone. */
export function ticksOf({ from, to }: View, count: number): readonly Tick[] {
  const step = STEPS.find((each) => (to - from) / each <= count) ?? 7 * DAY
  const midnight = new Date(from)
  midnight.setHours(0, 0, 0, 0)
  const ticks: Tick[] = []
  for (let at = midnight.getTime(); at <= to; at += step)
    if (at >= from) ticks.push({ at, label: labelOf(at, step) })
  return ticks
}

function labelOf(at: number, step: number): string {
  const date = new Date(at)
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0
  if (step >= DAY || isMidnight) return date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
  return date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
}
