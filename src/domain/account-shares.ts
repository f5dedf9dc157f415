/** The most that one account, and all accounts together, may use. */
export interface ShareLimits {
  readonly ofAccount: number
  readonly ofAll: number
}

/** What accounts use. No account may use more than it leaves to the others, so there is some left for each. */
export class AccountShares {
  readonly #limits: ShareLimits
  readonly #used = new Map<number, number>()
  #total = 0

  constructor(limits: ShareLimits) {
    this.#limits = limits
  }

  add(uid: number, by: number): void {
    const used = (this.#used.get(uid) ?? 0) + by
    if (used === 0) this.#used.delete(uid)
    else this.#used.set(uid, used)
    this.#total += by
  }

  /** Whether the account uses too much, or would if it used this much more. */
  isExceeded(uid: number, more = 0): boolean {
    const { ofAccount, ofAll } = this.#limits
    const used = (this.#used.get(uid) ?? 0) + more
    return used > ofAccount || used > ofAll - this.#total - more
  }
}
