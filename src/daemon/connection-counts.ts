import type { Millis } from '../domain/pool/model.ts'

const MOST_PER_ACCOUNT = 1_024
/** The most new connections of an account: this many at once, and then at this rate. */
const MOST_AT_ONCE = 2_048
const MOST_PER_MS = 0.5

interface Account {
  open: number
  /** New connections that it may open now. */
  allowed: number
  readonly at: Millis
}

/** Limits the connections of each account, and how quickly it opens new ones. */
export class ConnectionCounts {
  readonly #most: number
  readonly #clock: () => Millis
  readonly #accounts = new Map<number, Account>()
  #open = 0

  /** `most`: the maximum of all accounts together. `clock`: steady time. */
  constructor(most: number, clock: () => Millis) {
    this.#most = most
    this.#clock = clock
  }

  /** Counts a new connection; false if it must be refused. An account never uses more than half of what is left. */
  open(uid: number): boolean {
    const now = this.#clock()
    const { open, allowed, at } = this.#accounts.get(uid) ?? { open: 0, allowed: MOST_AT_ONCE, at: now }
    const account = { open, allowed: Math.min(MOST_AT_ONCE, allowed + (now - at) * MOST_PER_MS), at: now }
    this.#accounts.set(uid, account)
    if (account.allowed < 1 || open >= Math.min(MOST_PER_ACCOUNT, this.#most - this.#open)) return false
    account.allowed--
    account.open++
    this.#open++
    return true
  }

  close(uid: number): void {
    const account = this.#accounts.get(uid)
    if (account !== undefined) account.open--
    this.#open--
  }
}
