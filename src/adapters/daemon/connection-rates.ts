import { LeakyCounts } from '../../domain/leaky-counts.ts'
import type { Millis } from '../../domain/pool/model.ts'

/** The most new connections of an account: this many at once, and then at this rate. */
const MOST_AT_ONCE = 2_048
const MOST_PER_MS = 0.5

/** Limits how quickly each account opens connections. */
export class ConnectionRates {
  readonly #opened = new LeakyCounts(MOST_PER_MS)

  /** Counts a new connection; false if it must be refused. `now`: steady time. */
  allows(uid: number, now: Millis): boolean {
    if (this.#opened.of(uid, now) + 1 > MOST_AT_ONCE) return false
    this.#opened.add(uid, 1, now)
    return true
  }

  /** The number of accounts that are remembered. */
  get size(): number {
    return this.#opened.size
  }
}
