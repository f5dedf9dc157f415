/** Random numbers that are the same for the same seed (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = mixed(seed)
  }

  /** Any 32-bit whole number. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }

  below(limit: number): number {
    return this.next() % limit
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + (this.next() % (most - least + 1))
  }

  is(probability: number): boolean {
    return this.next() < probability * 0x1_0000_0000
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)]
    if (value === undefined) throw new Error('nothing to pick from')
    return value
  }

  /** With the same probability for each order of magnitude. */
  spread(least: number, most: number): number {
    const unit = this.next() / 0x1_0000_0000
    return Math.round(least * (most / least) ** unit)
  }
}

function mixed(seed: number): number {
  let h = seed | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
