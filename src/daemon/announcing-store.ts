import type { RecordedTime, TimeRange } from '../domain/ledger/recorded.ts'
import type { Pool } from '../domain/pool/model.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { Commit, Creation, Decide, LockPatience } from '../ports/store.ts'

/** Called after each commit, in the order of the commits; `before` is null for a new pool. */
export type OnCommit = (before: Pool | null, after: Pool) => void

/** Announces each commit within this process. It owns the store alone, so nothing else changes the pool. */
export class AnnouncingStore implements OpenedPool {
  readonly #store: OpenedPool
  readonly #listeners: Set<OnCommit>

  constructor(store: OpenedPool, listeners: Set<OnCommit> = new Set()) {
    this.#store = store
    this.#listeners = listeners
  }

  /** Returns a function that ends it. */
  onCommit(listener: OnCommit): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  load() {
    return this.#store.load()
  }

  async update<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer> {
    // A decision may be made several times; the last one counts.
    let last: { readonly before: Pool | null; readonly commit: Commit<Answer> } | undefined
    const noted = <Before extends Pool | null>(before: Before, commit: Commit<Answer>) => {
      last = { before, commit }
      return commit
    }
    const answer = await this.#store.update<Answer>(
      typeof change === 'function'
        ? (pool, moment) => noted(pool, change(pool, moment))
        : { create: (pool, moment) => noted(pool, change.create(pool, moment)) },
    )
    if (last !== undefined && last.commit.pool !== last.before) {
      for (const listener of this.#listeners) listener(last.before, last.commit.pool)
    }
    return answer
  }

  history(range: TimeRange, most?: number) {
    return this.#store.history(range, most)
  }

  visitTimes(range: TimeRange, visit: (time: RecordedTime) => void) {
    return this.#store.visitTimes(range, visit)
  }

  usage(range: TimeRange, reservations: readonly string[]) {
    return this.#store.usage(range, reservations)
  }

  changes(signal: AbortSignal) {
    return this.#store.changes(signal)
  }

  calls(entry: string) {
    return this.#store.calls(entry)
  }

  turns() {
    return this.#store.turns()
  }

  bounded(patience: LockPatience): OpenedPool {
    return new AnnouncingStore(this.#store.bounded(patience), this.#listeners)
  }

  close(): void {
    this.#store.close()
  }
}
