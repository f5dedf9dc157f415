/** Items of accounts, taken account by account, so that many items of one account do not delay those of another. */
export class FairQueue<Item> {
  readonly #waiting = new Map<number, Item[]>()

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
    for (const [uid, waiting] of this.#waiting) {
      if (!mayHaveTurn(uid)) continue
      const item = waiting.shift()
      // The account moves to the end of the map.
      this.#waiting.delete(uid)
      if (waiting.length > 0) this.#waiting.set(uid, waiting)
      return item
    }
    return undefined
  }
}
