import type { Millis } from '../../domain/pool/model.ts'

/** The most new connections of an account: this many at once, and then at this rate. */
const MOST_AT_ONCE = 2_048
const MOST_PER_MS = 0.5
/** With more accounts than this, those that have not connected for a while are forgotten. */
const FEW_ACCOUNTS = 1_024

interface Account {
  /** Connections that still count. They are forgotten at the rate. */
  readonly counted: number
  readonly at: Millis
}

/** Limits how quickly each account opens connections. */
export class ConnectionRates {
  readonly #accounts = new Map<number, Account>()
  #forgetAt = FEW_ACCOUNTS

  /** Counts a new connection; false if it must be refused. `now`: steady time. */
  allows(uid: number, now: Millis): boolean {
    const counted = this.#countedOf(uid, now)
    if (counted + 1 > MOST_AT_ONCE) return false
    this.#accounts.set(uid, { counted: counted + 1, at: now })
    if (this.#accounts.size > this.#forgetAt) this.#forget(now)
    return true
  }

  /** The number of accounts that are remembered. */
  get size(): number {
    return this.#accounts.size
  }

  #countedOf(uid: number, now: Millis): number {
    const { counted, at } = this.#accounts.get(uid) ?? { counted: 0, at: now }
    return Math.max(0, counted - (now - at) * MOST_PER_MS)
  }

  #forget(now: Millis): void {
    for (const uid of this.#accounts.keys()) if (this.#countedOf(uid, now) === 0) this.#accounts.delete(uid)
    this.#forgetAt = Math.max(FEW_ACCOUNTS, 2 * this.#accounts.size)
  }
}
