import type { Scheduler } from '../scheduler.ts'

/** The times of the notices that a board knows. */
export type SavedClock = readonly number[]

/** An age is at most this much too short or too long. */
export interface ErrorOfAge {
  readonly short: number
  readonly long: number
}

/** The clock of the server of the board, which is set forward and back, and what that may do to ages. */
export class BoardClock {
  readonly #scheduler: Scheduler
  #ahead: number
  readonly #settings: { readonly at: number; readonly by: number }[] = []
  #taken: number[] = []

  constructor(scheduler: Scheduler, ahead: number) {
    this.#scheduler = scheduler
    this.#ahead = ahead
  }

  /** What it shows. */
  get shown(): number {
    return this.#scheduler.now + this.#ahead
  }

  set(by: number): void {
    this.#ahead += by
    this.#settings.push({ at: this.#scheduler.now, by })
  }

  /** The board has taken a notice. */
  taken(): void {
    this.#taken.push(this.#scheduler.now)
  }

  saved(): SavedClock {
    return [...this.#taken]
  }

  restore(saved: SavedClock): void {
    this.#taken = [...saved]
  }

  /**
   * What is lost or gained between two notices, since the first one: if the clock was set back, no more than the time
   * between them is lost. Until the next notice, or for a viewer that remembers it, the difference is added.
   */
  errorSince(received: number): ErrorOfAge {
    const { now } = this.#scheduler
    let [short, long] = [0, 0]
    for (const { at, by } of this.#settings) {
      if (at < received) continue
      const from = this.#taken.findLast((each) => each <= at) ?? received
      const to = this.#taken.find((each) => each > at) ?? now
      short += Math.min(to - from, Math.max(0, -by))
      long += Math.abs(by)
    }
    return { short, long }
  }
}
