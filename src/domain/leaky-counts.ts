import type { Millis } from './pool/model.ts'

/** With more accounts than this, those whose counts have decreased to zero are forgotten. */
const FEW_ACCOUNTS = 1_024

interface Count {
  readonly count: number
  readonly at: Millis
}

/** A count for each account that decreases at a constant rate, down to zero. Times are steady. */
export class LeakyCounts {
  readonly #lessPerMs: number
  readonly #counts = new Map<number, Count>()
  #forgetAt = FEW_ACCOUNTS

  constructor(lessPerMs: number) {
    this.#lessPerMs = lessPerMs
  }

  of(uid: number, now: Millis): number {
    const { count, at } = this.#counts.get(uid) ?? { count: 0, at: now }
    return Math.max(0, count - (now - at) * this.#lessPerMs)
  }

  add(uid: number, by: number, now: Millis): void {
    this.#counts.set(uid, { count: this.of(uid, now) + by, at: now })
    if (this.#counts.size > this.#forgetAt) this.#forget(now)
  }

  /** The number of accounts that are remembered. */
  get size(): number {
    return this.#counts.size
  }

  #forget(now: Millis): void {
    for (const uid of this.#counts.keys()) if (this.of(uid, now) === 0) this.#counts.delete(uid)
    this.#forgetAt = Math.max(FEW_ACCOUNTS, 2 * this.#counts.size)
  }
}
