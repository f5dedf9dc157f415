import type { Millis } from '../domain/model.ts'

/** What costs something to find out is found out once for all who ask within this time. */
const FRESH_MS: Millis = 1_000
const MOST_KEPT = 32

export class SharedAnswers {
  readonly #kept = new Map<string, { readonly at: Millis; readonly answer: Promise<string> }>()
  readonly #clock: () => Millis

  constructor(clock: () => Millis) {
    this.#clock = clock
  }

  /** The answer under this key, computed anew where there is none of the last second. */
  get(key: string, compute: () => Promise<string>): Promise<string> {
    const now = this.#clock()
    const kept = this.#kept.get(key)
    if (kept !== undefined && now - kept.at < FRESH_MS) return kept.answer
    const answer = compute()
    this.#kept.delete(key)
    this.#kept.set(key, { at: now, answer })
    answer.catch(() => this.#kept.delete(key))
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT) break
      this.#kept.delete(oldest)
    }
    return answer
  }
}
