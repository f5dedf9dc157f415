import { CanhazgpuError } from '../domain/errors.ts'
import type { Millis } from '../domain/pool/model.ts'
import { formatDuration } from '../domain/text/duration.ts'

/** A failure that continues is logged again after this time, with its count. */
const REPEATED_AFTER_MS: Millis = 10 * 60_000
/** On a full disk some commits still succeed. */
const OVER_AFTER_MS: Millis = 10_000
const MOST_REMEMBERED = 32

export interface FailureLogParts {
  readonly write: (text: string) => void
  /** Steady time. */
  readonly clock: () => Millis
}

interface Failure {
  readonly isOfStore: boolean
  readonly firstAt: Millis
  count: number
  loggedAt: Millis
  loggedCount: number
  lastAt: Millis
}

/** Logs a failure that repeats, such as a full disk, once and then rarely. */
export class FailureLog {
  readonly #parts: FailureLogParts
  /** By text, the oldest first. */
  readonly #failures = new Map<string, Failure>()

  constructor(parts: FailureLogParts) {
    this.#parts = parts
  }

  failed(error: unknown): void {
    const text = textOf(error)
    const now = this.#parts.clock()
    const known = this.#failures.get(text) ?? this.#remember(text, isOfStore(error), now)
    known.count++
    known.lastAt = now
    if (known.count > 1 && now < known.loggedAt + REPEATED_AFTER_MS) return
    const repeated = known.count - known.loggedCount
    const times = repeated > 1 ? ` (${repeated} times in ${formatDuration(now - known.loggedAt)})` : ''
    this.#parts.write(text + times)
    known.loggedAt = now
    known.loggedCount = known.count
  }

  /** The store has committed a change. Logs that its failures are over. */
  committed(): void {
    if (this.#failures.size === 0) return
    const now = this.#parts.clock()
    const ofStore = [...this.#failures].filter(([, { isOfStore }]) => isOfStore)
    if (ofStore.length === 0 || ofStore.some(([, { lastAt }]) => now < lastAt + OVER_AFTER_MS)) return
    for (const [text] of ofStore) this.#failures.delete(text)
    const failures = ofStore.map(([, failure]) => failure)
    const count = failures.reduce((sum, each) => sum + each.count, 0)
    const lasted =
      Math.max(...failures.map((each) => each.lastAt)) - Math.min(...failures.map((each) => each.firstAt))
    this.#parts.write(`The pool can be written again (it failed ${count} times in ${formatDuration(lasted)})`)
  }

  #remember(text: string, ofStore: boolean, now: Millis): Failure {
    const [oldest] = this.#failures.keys()
    if (oldest !== undefined && this.#failures.size >= MOST_REMEMBERED) this.#failures.delete(oldest)
    const failure = { isOfStore: ofStore, firstAt: now, count: 0, loggedAt: now, loggedCount: 0, lastAt: now }
    this.#failures.set(text, failure)
    return failure
  }
}

const isOfStore = (error: unknown): boolean =>
  error instanceof CanhazgpuError && (error.code === 'store-unavailable' || error.code === 'store-busy')

function textOf(error: unknown): string {
  if (error instanceof CanhazgpuError) return error.message
  return (error instanceof Error ? error.stack : undefined) ?? String(error)
}
