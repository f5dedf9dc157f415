import type { Millis } from '../pool/model.ts'
import { DAY_MS, dayOf } from './day-sums.ts'
import type { RecordedHold } from './recorded.ts'
import type { UserUsage } from './report.ts'
import { byLabel, ShownAccounts } from './shown-accounts.ts'

/** The usage of one day. Reservations count on the day on which they began, so days can be added up. */
export interface DayTotals {
  /** Days since 1970 in UTC. */
  readonly day: number
  /** Most hours first. */
  readonly users: readonly Omit<UserUsage, 'percentage' | 'uid'>[]
}

interface Sum {
  readonly ms: Millis
  readonly runs: number
  readonly manuals: number
}

const HOUR_MS: Millis = 3_600_000

/** Splits held times at the starts of days (UTC). The last day ends at `now`. */
export class DayTotalSums {
  readonly #first: number
  readonly #now: Millis
  /** By day and key of the account. */
  readonly #days = new Map<number, Map<string, Sum>>()
  readonly #accounts = new ShownAccounts()
  readonly #counted = new Set<string>()

  constructor(first: number, now: Millis) {
    this.#first = first
    this.#now = now
  }

  /** The days with usage, in their order. */
  get totals(): readonly DayTotals[] {
    const labels = this.#accounts.labels()
    const accountOf = this.#accounts.accounts()
    return [...this.#days]
      .sort(([a], [b]) => a - b)
      .map(([day, sums]) => ({
        day,
        users: [...byLabel(sums, labels, added)]
          .map(([user, { ms, runs, manuals }]) => ({
            ...{ user, account: accountOf.get(user)?.name ?? user, gpuHours: ms / HOUR_MS, runs, manuals },
          }))
          .sort((a, b) => b.gpuHours - a.gpuHours || (a.user < b.user ? -1 : 1)),
      }))
  }

  add(time: RecordedHold): void {
    const { startedAt, endedAt, reservation, term } = time
    if (term === 'maintenance') return
    const key = this.#accounts.keyOf(time)
    const begun = dayOf(startedAt)
    const last = dayOf(Math.min(endedAt, this.#now))
    for (let day = Math.max(begun, this.#first); day <= last; day++) {
      const ms = Math.min(endedAt, this.#now, (day + 1) * DAY_MS) - Math.max(startedAt, day * DAY_MS)
      const isFirst = day === begun && !this.#counted.has(reservation)
      if (isFirst) this.#counted.add(reservation)
      const count = isFirst ? 1 : 0
      if (ms <= 0 && !isFirst) continue
      const isRun = term === 'run'
      this.#put(day, key, { ms: Math.max(0, ms), runs: isRun ? count : 0, manuals: isRun ? 0 : count })
    }
  }

  #put(day: number, key: string, sum: Sum): void {
    const sums = this.#days.get(day) ?? new Map<string, Sum>()
    this.#days.set(day, sums)
    const before = sums.get(key)
    sums.set(key, before === undefined ? sum : added(before, sum))
  }
}

const added = (a: Sum, b: Sum): Sum => ({
  ms: a.ms + b.ms,
  runs: a.runs + b.runs,
  manuals: a.manuals + b.manuals,
})
