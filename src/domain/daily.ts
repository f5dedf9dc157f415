import type { Millis } from './model.ts'
import type { RecordedTime } from './ports.ts'
import { shownName } from './report.ts'

/** GPU hours of one day by the user's shown name. */
export interface DailyUsage {
  readonly start: Millis
  readonly hours: ReadonlyMap<string, number>
}

const HOUR_MS: Millis = 3_600_000

/** Splits held times at the starts of days, which ascend; the last day ends at `end`. */
export class DailySums {
  readonly days: readonly DailyUsage[]
  readonly #ends: readonly Millis[]
  readonly #hours: readonly Map<string, number>[]

  constructor(starts: readonly Millis[], end: Millis) {
    this.#ends = starts.map((_, at) => starts[at + 1] ?? end)
    this.#hours = starts.map(() => new Map<string, number>())
    this.days = starts.map((start, at) => ({ start, hours: this.#hours[at] ?? new Map() }))
  }

  add(time: RecordedTime): void {
    const user = shownName(time)
    for (let at = this.#lastDayOf(time); at >= 0; at--) {
      const [start, end, hours] = [this.days[at]?.start, this.#ends[at], this.#hours[at]]
      if (start === undefined || end === undefined || hours === undefined) return
      const held = Math.min(time.endedAt, end) - Math.max(time.startedAt, start)
      if (held > 0) hours.set(user, (hours.get(user) ?? 0) + held / HOUR_MS)
      if (time.startedAt >= start) return
    }
  }

  /** The last day that begins before its end; -1: none. */
  #lastDayOf({ endedAt }: RecordedTime): number {
    let [low, high] = [0, this.days.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.days[middle]?.start ?? 0) < endedAt) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
