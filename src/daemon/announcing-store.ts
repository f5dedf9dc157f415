import type { RecordedHold, TimeRange } from '../domain/ledger/recorded.ts'
import { heartbeatAt } from '../domain/pool/clock.ts'
import type { Millis, Pool, ProcessIdentity, Reservation } from '../domain/pool/model.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { Commit, Creation, Decide, LockPatience } from '../ports/store.ts'

/** Called after each commit, in the order of the commits; `before` is null for a new pool. */
export type OnCommit = (before: Pool | null, after: Pool) => void

export interface Checks {
  /** Called before each decision: the exits of processes until now are known in it. */
  readonly refresh: () => void
  /** Whether the kernel would report the exit of this process. */
  readonly isWatched: (process: ProcessIdentity) => boolean
  /** Why this pool could not be read back; undefined for a sound pool. */
  readonly faultIn: (pool: Pool) => string | undefined
}

export interface AnnouncingStoreParts {
  readonly store: OpenedPool
  readonly checks: Checks
  /** Performs a change when it is the turn of its account: a decision and its commit take the time of all accounts. */
  readonly inTurn: (uid: number, change: () => Promise<void>) => void
  /** Makes a decision for this account. Nothing else happens meanwhile, so its time may count. */
  readonly timed?: <Decision>(uid: number, decide: () => Decision) => Decision
  /** The account whose changes these are. */
  readonly uid: number
}

/**
 * The daemon's store; no other process uses it. It announces each commit within this process. A read gives each run
 * whose process is watched a current heartbeat. A commit that could not be read back is refused, because one faulty
 * request would then make the pool unusable for every account.
 */
export class AnnouncingStore implements OpenedPool {
  readonly #parts: AnnouncingStoreParts
  readonly #listeners: Set<OnCommit>

  constructor(parts: AnnouncingStoreParts, listeners: Set<OnCommit> = new Set()) {
    this.#parts = parts
    this.#listeners = listeners
  }

  /** The same store for the changes of this account. */
  for(uid: number): AnnouncingStore {
    return new AnnouncingStore({ ...this.#parts, uid }, this.#listeners)
  }

  /** Returns a function that removes the listener. */
  onCommit(listener: OnCommit): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async load() {
    this.#parts.checks.refresh()
    const { pool, moment } = await this.#parts.store.load()
    return { pool: this.#withHeartbeats(pool, heartbeatAt(pool, moment)), moment }
  }

  #withHeartbeats(pool: Pool, beatenAt: Millis): Pool {
    const isAlive = ({ term }: Reservation) =>
      term.kind === 'run' && this.#parts.checks.isWatched(term.process)
    if (!pool.reservations.some(isAlive)) return pool
    const reservations = pool.reservations.map((held) =>
      held.term.kind === 'run' && isAlive(held)
        ? { ...held, term: { ...held.term, heartbeatAt: beatenAt } }
        : held,
    )
    return { ...pool, reservations }
  }

  /** When it is the turn of the account. */
  update<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer> {
    const { inTurn, uid } = this.#parts
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    inTurn(uid, () => this.#update(change).then(resolve, reject))
    return promise
  }

  async #update<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer> {
    const { uid, timed = (_, decide) => decide() } = this.#parts
    // The store may repeat a decision; only the last one is committed.
    let last: { readonly before: Pool | null; readonly commit: Commit<Answer> } | undefined
    const noted = <Before extends Pool | null>(before: Before, commit: Commit<Answer>) => {
      const fault = commit.pool === before ? undefined : this.#parts.checks.faultIn(commit.pool)
      if (fault !== undefined) throw new Error(`an operation would damage the pool: ${fault}`)
      last = { before, commit }
      return commit
    }
    const answer = await this.#parts.store.update<Answer>(
      typeof change === 'function'
        ? (pool, moment) => {
            this.#parts.checks.refresh()
            return noted(
              pool,
              timed(uid, () => change(pool, moment)),
            )
          }
        : { ...change, create: (pool, moment) => noted(pool, change.create(pool, moment)) },
    )
    if (last !== undefined && last.commit.pool !== last.before) {
      for (const listener of this.#listeners) listener(last.before, last.commit.pool)
    }
    return answer
  }

  history(range: TimeRange, most?: number) {
    return this.#parts.store.history(range, most)
  }

  visitTimes(range: TimeRange, visit: (time: RecordedHold) => void) {
    return this.#parts.store.visitTimes(range, visit)
  }

  usage(range: TimeRange, reservations: readonly string[]) {
    return this.#parts.store.usage(range, reservations)
  }

  isRecorded(reservation: string) {
    return this.#parts.store.isRecorded(reservation)
  }

  audit(most: number) {
    return this.#parts.store.audit(most)
  }

  changes(signal: AbortSignal) {
    return this.#parts.store.changes(signal)
  }

  calls(entry: string) {
    return this.#parts.store.calls(entry)
  }

  turns() {
    return this.#parts.store.turns()
  }

  bounded(patience: LockPatience): OpenedPool {
    return new AnnouncingStore(
      { ...this.#parts, store: this.#parts.store.bounded(patience) },
      this.#listeners,
    )
  }

  close(): void {
    this.#parts.store.close()
  }
}
