const MOST_PER_ACCOUNT = 1_024
/** An account with fewer connections than this may use the reserve, which the others leave free. */
const FEW = 4
const RESERVED_SHARE = 0.25

/** Limits the connections of each account. */
export class ConnectionCounts {
  readonly #most: number
  /** The most connections of accounts that have more than a few. */
  readonly #mostOfMany: number
  readonly #open = new Map<number, number>()
  #total = 0

  /** `most`: the maximum of all accounts together. */
  constructor(most: number) {
    this.#most = most
    this.#mostOfMany = Math.floor(most * (1 - RESERVED_SHARE))
  }

  /** Counts a new connection; false if it must be refused. An account never uses more than half of what is left. */
  open(uid: number): boolean {
    const open = this.#open.get(uid) ?? 0
    const isAllowed =
      open < FEW
        ? this.#total < this.#most
        : open < Math.min(MOST_PER_ACCOUNT, this.#mostOfMany - this.#total)
    if (!isAllowed) return false
    this.#open.set(uid, open + 1)
    this.#total++
    return true
  }

  close(uid: number): void {
    const open = this.#open.get(uid) ?? 0
    if (open > 1) this.#open.set(uid, open - 1)
    else this.#open.delete(uid)
    this.#total--
  }

  /** The number of accounts that have connections. */
  get accounts(): number {
    return this.#open.size
  }
}
