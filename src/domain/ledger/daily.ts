import type { Millis } from '../pool/model.ts'
import type { RecordedTime } from './recorded.ts'
import { byLabel, ShownAccounts } from './shown-accounts.ts'

/** The GPU hours of one day, by shown name; the uid decides which accounts are added up. It can be sent as JSON. */
export interface DailyUsage {
  readonly start: Millis
  readonly hours: readonly (readonly [user: string, hours: number])[]
}

const HOUR_MS: Millis = 3_600_000

/** Splits held times at the starts of days. Starts ascend; the last day ends at `end`. */
export class DailySums {
  readonly #starts: readonly Millis[]
  readonly #ends: readonly Millis[]
  /** By day and key of the account. */
  readonly #hours: readonly Map<string, number>[]
  readonly #accounts = new ShownAccounts()

  constructor(starts: readonly Millis[], end: Millis) {
    this.#ends = starts.map((_, at) => starts[at + 1] ?? end)
    this.#hours = starts.map(() => new Map<string, number>())
    this.#starts = starts
  }

  get days(): readonly DailyUsage[] {
    const labels = this.#accounts.labels()
    return this.#starts.map((start, at) => ({
      start,
      hours: [...byLabel(this.#hours[at] ?? new Map<string, number>(), labels, (a, b) => a + b)],
    }))
  }

  add(time: RecordedTime): void {
    const key = this.#accounts.keyOf(time)
    for (let at = this.#lastDayOf(time); at >= 0; at--) {
      const [start, end, hours] = [this.#starts[at], this.#ends[at], this.#hours[at]]
      if (start === undefined || end === undefined || hours === undefined) return
      const held = Math.min(time.endedAt, end) - Math.max(time.startedAt, start)
      if (held > 0) hours.set(key, (hours.get(key) ?? 0) + held / HOUR_MS)
      if (time.startedAt >= start) return
    }
  }

  /** Index of the last day that begins before the end of the time; -1: none. */
  #lastDayOf({ endedAt }: RecordedTime): number {
    let [low, high] = [0, this.#starts.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? 0) < endedAt) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

/** The start of each of the last `count` calendar days in the server's time zone; today is the last. */
export function dayStarts(count: number, now: Millis): readonly Millis[] {
  const today = new Date(now)
  return Array.from({ length: count }, (_, at) =>
    new Date(today.getFullYear(), today.getMonth(), today.getDate() - (count - 1 - at)).getTime(),
  )
}
