import type { Millis } from '../domain/pool/model.ts'
import type { UsageQuestion } from '../views/documents/usage-answer.ts'
import { HttpError } from './errors.ts'

/** The answer to a question about the history, as JSON. */
export type AskUsage = (question: UsageQuestion) => Promise<string>

/** Every answer is cached at least this long. */
const SHORTEST_CACHED_MS: Millis = 1_000
/** An answer that took one second is cached for ten, so questions about the history use at most a tenth of a core. */
const CACHED_PER_MS = 10
const MOST_CACHED_CHARACTERS = 32 * 1024 * 1024
const MOST_WAITING = 8

interface CachedAnswer {
  /** Infinite until the answer is complete. */
  until: Millis
  size: number
  readonly answer: Promise<string>
}

/** Answers expensive questions one at a time. A few more may wait. Equal questions share one answer. */
export class UsageAnswers {
  readonly #cache = new Map<string, CachedAnswer>()
  readonly #ask: AskUsage
  readonly #clock: () => Millis
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(ask: AskUsage, clock: () => Millis) {
    this.#ask = ask
    this.#clock = clock
  }

  /** Rejects with an `HttpError` if too many questions wait. */
  async get(question: UsageQuestion): Promise<string> {
    const key = JSON.stringify(question)
    const known = this.#cache.get(key)
    if (known !== undefined && this.#clock() < known.until) return known.answer
    if (this.#waiting >= MOST_WAITING) {
      throw new HttpError('busy', 'Too many questions about the history at the same time', {
        hint: 'try again in a few seconds',
        headers: { 'retry-after': '5' },
      })
    }
    const cached: CachedAnswer = {
      until: Number.POSITIVE_INFINITY,
      size: 0,
      answer: this.#askInTurn(question, () => cached),
    }
    this.#cache.delete(key)
    this.#cache.set(key, cached)
    cached.answer.catch(() => this.#cache.delete(key))
    return cached.answer
  }

  #askInTurn(question: UsageQuestion, cached: () => CachedAnswer): Promise<string> {
    this.#waiting++
    const answer = this.#last.then(async () => {
      const started = this.#clock()
      try {
        const text = await this.#ask(question)
        const now = this.#clock()
        Object.assign(cached(), {
          until: now + Math.max(SHORTEST_CACHED_MS, CACHED_PER_MS * (now - started)),
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
    for (const cached of this.#cache.values()) size += cached.size
    const now = this.#clock()
    for (const [key, cached] of this.#cache) {
      if (cached.until > now && size <= MOST_CACHED_CHARACTERS) continue
      this.#cache.delete(key)
      size -= cached.size
    }
  }
}
