import type { Millis } from '../../domain/pool/model.ts'

/** How long a request waits for a daemon that is being restarted. */
export const RESTART_MS: Millis = 5_000
const RETRY_EVERY_MS: Millis = 50
const RETRY_LATER_EVERY_MS: Millis = 1_000

/** A time in which the daemon does not answer. */
export class Outage {
  readonly #clock: () => Millis
  #since: Millis
  #isReported = false

  constructor(clock: () => Millis) {
    this.#clock = clock
    this.#since = clock()
  }

  /** The daemon has answered until now. */
  end(): void {
    this.#since = this.#clock()
    this.#isReported = false
  }

  /** Whether it lasts longer than a restart. A new request then gives up. */
  get isLong(): boolean {
    return this.#clock() >= this.#since + RESTART_MS
  }

  /** Calls this function once if it is long, with its duration. */
  report(report: (ms: Millis) => void): void {
    if (this.#isReported || !this.isLong) return
    this.#isReported = true
    report(this.#clock() - this.#since)
  }

  /** Waits until the next attempt to connect. In a long outage the attempts are less frequent. */
  async pause(signal?: AbortSignal): Promise<void> {
    await sleep(this.isLong ? RETRY_LATER_EVERY_MS : RETRY_EVERY_MS)
    signal?.throwIfAborted()
  }
}

export const sleep = (ms: Millis): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
