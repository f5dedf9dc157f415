import type { CanhazgpuError } from '../domain/errors.ts'
import type { Millis, Moment, Pool, UsageRecord } from '../domain/pool/model.ts'

/** What a decision leaves behind. */
export interface Commit<Answer> {
  readonly pool: Pool
  /** Of the times that ended by it. */
  readonly records: readonly UsageRecord[]
  /** Ids of the queue entries that can start in this pool. Their waiters are called; see `Wakeups.turns`. */
  readonly wake: readonly string[]
  readonly answer: Answer
}

/** Pure: it may run several times before its commit is written. */
export type Decide<Answer> = (pool: Pool, moment: Moment) => Commit<Answer>

/** Creates the pool, or replaces it: it gets null where there is no pool yet, or one that cannot be read. */
export interface Creation<Answer> {
  readonly create: (pool: Pool | null, moment: Moment) => Commit<Answer>
}

/** How long a store waits at most for a lock that another process holds. */
export interface LockPatience {
  /** How much longer the store may wait from now on; at 0 it gives up. Asked before each attempt. */
  readonly left: () => Millis
  /** What to throw then; `busy` names the process that holds the lock. */
  readonly error: (busy: CanhazgpuError) => CanhazgpuError
}

/**
 * The pool of one host. The store owns the clock and knows no policy.
 *
 * Every method throws `CanhazgpuError`: `pool-not-initialized` where there is no pool and none is created,
 * `store-corrupt` and `store-too-new` where it cannot be read, `store-busy` where its lock stays taken.
 */
export interface Store {
  /** The pool as it was committed last, in the times of the clock at that commit, and the present moment. */
  load(): Promise<{ readonly pool: Pool; readonly moment: Moment }>

  /**
   * Atomic and durable: pool, records and `wake` are written together before the answer, or nothing is. No other
   * commit comes between the pool that was decided on and the one that is written, which is stamped with the moment
   * of its decision. Writes nothing if the commit has the very pool that was given and no records.
   *
   * Records are idempotent: one that exists already (same reservation and unit) stays as it is.
   */
  update<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer>

  /** The same store, which waits less for its lock; 30 s at most. */
  bounded(patience: LockPatience): Store

  close(): void
}
