import { LeakyCounts } from '../domain/leaky-counts.ts'
import type { Millis } from '../domain/pool/model.ts'

/** The most time that the decisions of an account may take: this much at once, and then this part of all time. */
const MOST_AT_ONCE_MS: Millis = 300
const PART_OF_ACCOUNT = 0.03
/** The same for all accounts together that have used up the first. */
const PART_OF_ALL = 0.06
/** Shorter decisions do not count. */
const SHORT_MS: Millis = 5

/**
 * Slows down an account whose requests take long to decide. That is possible with hundreds of bookings and waiters, and
 * nothing else happens in the daemon during a decision.
 */
export class DecisionRates {
  readonly #ofAccounts = new LeakyCounts(PART_OF_ACCOUNT)
  readonly #ofAll = new LeakyCounts(PART_OF_ALL)
  readonly #clock: () => Millis

  /** `clock`: steady time. */
  constructor(clock: () => Millis) {
    this.#clock = clock
  }

  /** A decision for this account took this time. */
  took(uid: number, ms: Millis): void {
    if (ms < SHORT_MS) return
    this.#ofAccounts.add(uid, ms, this.#clock())
    this.#ofAll.add(ALL, ms, this.#clock())
  }

  /** How long the next request of this account that may take long must wait. */
  delayOf(uid: number): Millis {
    const now = this.#clock()
    const own = this.#ofAccounts.of(uid, now) - MOST_AT_ONCE_MS
    if (own <= 0) return 0
    return Math.max(own / PART_OF_ACCOUNT, (this.#ofAll.of(ALL, now) - MOST_AT_ONCE_MS) / PART_OF_ALL)
  }
}

const ALL = 0
