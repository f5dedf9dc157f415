import type { Millis } from '../domain/pool/model.ts'
import type { UsageQuestion } from '../views/documents/usage-answer.ts'
import { Refusal } from './errors.ts'

/** The answer to a question about the history, as JSON. */
export type AskUsage = (question: UsageQuestion) => Promise<string>

const FRESH_MS: Millis = 1_000
/** An answer that took a second is kept for ten, so the history takes a tenth of a core at most. */
const KEPT_PER_MS = 10
const MOST_KEPT_CHARACTERS = 32 * 1024 * 1024
const MOST_WAITING = 8

interface Kept {
  /** Kept at least until the answer has come. */
  until: Millis
  size: number
  readonly answer: Promise<string>
}

/**
 * Answers expensive questions one at a time. A few questions wait, and equal questions share one answer.
 */
export class UsageAnswers {
  readonly #kept = new Map<string, Kept>()
  readonly #ask: AskUsage
  readonly #clock: () => Millis
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(ask: AskUsage, clock: () => Millis) {
    this.#ask = ask
    this.#clock = clock
  }

  /** Rejects with a `Refusal` where too many questions wait. */
  async get(question: UsageQuestion): Promise<string> {
    const key = JSON.stringify(question)
    const known = this.#kept.get(key)
    if (known !== undefined && this.#clock() < known.until) return known.answer
    if (this.#waiting >= MOST_WAITING) {
      throw new Refusal('busy', 'Too many questions about the history at once', {
        hint: 'try again in a few seconds',
        headers: { 'retry-after': '5' },
      })
    }
    const kept: Kept = {
      until: Number.POSITIVE_INFINITY,
      size: 0,
      answer: this.#inTurn(question, () => kept),
    }
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    kept.answer.catch(() => this.#kept.delete(key))
    return kept.answer
  }

  #inTurn(question: UsageQuestion, kept: () => Kept): Promise<string> {
    this.#waiting++
    const answer = this.#last.then(async () => {
      const asked = this.#clock()
      try {
        const text = await this.#ask(question)
        const now = this.#clock()
        Object.assign(kept(), {
          until: now + Math.max(FRESH_MS, KEPT_PER_MS * (now - asked)),
          size: text.length,
        })
        this.#dropOldest()
        return text
      } finally {
        this.#waiting--
      }
    })
    this.#last = answer.catch(() => {})
    return answer
  }

  #dropOldest(): void {
    let size = 0
    for (const kept of this.#kept.values()) size += kept.size
    const now = this.#clock()
    for (const [key, kept] of this.#kept) {
      if (kept.until > now && size <= MOST_KEPT_CHARACTERS) continue
      this.#kept.delete(key)
      size -= kept.size
    }
  }
}
