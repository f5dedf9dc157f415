import type { Millis } from '../domain/pool/model.ts'

/** Acts at the first request, and then at most once in a while, for all requests since the last time. */
export class Paced {
  readonly #everyMs: Millis
  readonly #act: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #isRequested = false

  constructor(everyMs: Millis, act: () => void) {
    this.#everyMs = everyMs
    this.#act = act
  }

  request(): void {
    this.#isRequested = true
    if (this.#timer === undefined) this.#next()
  }

  #next(): void {
    this.#timer = undefined
    if (!this.#isRequested) return
    this.#isRequested = false
    this.#timer = setTimeout(() => this.#next(), this.#everyMs)
    this.#act()
  }
}
