import { FairQueue } from '../../domain/fair-queue.ts'
import type { Peer } from '../../ports/daemon-listener.ts'

/** The most connections that are opened in one iteration of the event loop. */
const MOST_AT_ONCE = 8

/** What an opening takes, about. */
const OPENING_MS = 0.1

/**
 * Opens accepted connections, a few in each iteration of the event loop. The accounts take turns, and those that opened
 * few come first.
 */
export class Openings<Accepted extends Pick<Peer, 'countedAs'>> {
  readonly #open: (accepted: Accepted) => void
  readonly #waiting = new FairQueue<Accepted>()
  #isScheduled = false

  constructor(open: (accepted: Accepted) => void) {
    this.#open = open
  }

  add(accepted: Accepted): void {
    this.#waiting.add(accepted.countedAs, accepted)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.isEmpty) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#openSome()
    })
  }

  #openSome(): void {
    for (let opened = 0; opened < MOST_AT_ONCE; opened++) {
      const next = this.#waiting.next()
      if (next === undefined) return
      this.#waiting.charge(next.countedAs, OPENING_MS)
      this.#open(next)
    }
    this.#schedule()
  }
}
