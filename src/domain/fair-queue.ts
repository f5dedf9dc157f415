import type { Millis } from './pool/model.ts'

/** An account that has nothing to do gets no more credit than this, and is then next. */
const MOST_CREDIT_MS: Millis = 5
/** With more accounts than this, those that have the whole credit are forgotten. */
const FEW_ACCOUNTS = 1_024

/**
 * Items of accounts. The account that has used the least time is next; among equals, the one that has waited longest
 * for its turn. So an account that asks for little is served before any number of accounts that ask for much.
 */
export class FairQueue<Item> {
  readonly #waiting = new Map<number, Item[]>()
  readonly #used = new Map<number, Millis>()
  /** What the account of the last turn had used. */
  #level: Millis = 0
  #forgetAt = FEW_ACCOUNTS

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  add(uid: number, item: Item): void {
    const waiting = this.#waiting.get(uid)
    if (waiting === undefined) this.#waiting.set(uid, [item])
    else waiting.push(item)
  }

  /** The oldest item of the next account that may have a turn. */
  next(mayHaveTurn: (uid: number) => boolean = () => true): Item | undefined {
    let next: { readonly uid: number; readonly used: Millis; readonly waiting: Item[] } | undefined
    for (const [uid, waiting] of this.#waiting) {
      const used = this.#usedBy(uid)
      if ((next === undefined || used < next.used) && mayHaveTurn(uid)) next = { uid, used, waiting }
    }
    if (next === undefined) return undefined
    const { uid, used, waiting } = next
    this.#level = Math.max(this.#level, used)
    const item = waiting.shift()
    // The account moves to the end of the map.
    this.#waiting.delete(uid)
    if (waiting.length > 0) this.#waiting.set(uid, waiting)
    return item
  }

  /** Counts time that the daemon has spent for this account. */
  charge(uid: number, ms: Millis): void {
    this.#used.set(uid, this.#usedBy(uid) + ms)
    if (this.#used.size > this.#forgetAt) this.#forget()
  }

  #usedBy(uid: number): Millis {
    return Math.max(this.#least, this.#used.get(uid) ?? Number.NEGATIVE_INFINITY)
  }

  /** What an account has used that did nothing for a while. */
  get #least(): Millis {
    return this.#level - MOST_CREDIT_MS
  }

  #forget(): void {
    for (const [uid, used] of this.#used) if (used <= this.#least) this.#used.delete(uid)
    this.#forgetAt = Math.max(FEW_ACCOUNTS, 2 * this.#used.size)
  }
}
