import type { Millis } from '../../domain/pool/model.ts'

/** How long a request waits for a daemon that is being restarted. */
export const RESTART_MS: Millis = 5_000
const RETRY_EVERY_MS: Millis = 50
const RETRY_LATER_EVERY_MS: Millis = 1_000

/** A time in which the daemon does not answer. */
export class Outage {
  readonly #clock: () => Millis
  /** A new request gives up at this time. */
  tooLongAt: Millis

  constructor(clock: () => Millis) {
    this.#clock = clock
    this.tooLongAt = clock() + RESTART_MS
  }

  end(): void {
    this.tooLongAt = this.#clock() + RESTART_MS
  }

  /** Waits until the next attempt to connect. In a long outage the attempts are less frequent. */
  async pause(signal?: AbortSignal): Promise<void> {
    await sleep(this.#clock() < this.tooLongAt ? RETRY_EVERY_MS : RETRY_LATER_EVERY_MS)
    signal?.throwIfAborted()
  }
}

export const sleep = (ms: Millis): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
