import type { CanhazgpuError } from '../domain/errors.ts'
import type { AuditRecord } from '../domain/ledger/audit.ts'
import type { DaySum } from '../domain/ledger/day-sums.ts'
import type { Millis, Moment, Pool, UsageRecord } from '../domain/pool/model.ts'
import type { OnPart } from './progress.ts'

/** The result of a decision, to be written. */
export interface Commit<Answer> {
  readonly pool: Pool
  /** The usage records of reservations that it ended. */
  readonly records: readonly UsageRecord[]
  /** Of days before `keptFrom` of the pool, into a new store. */
  readonly sums?: readonly DaySum[]
  /** What an administrator changed; only together with a new pool. */
  readonly audit?: readonly AuditRecord[]
  /** Ids of the queue entries that can start in this pool. Their waiters are woken; see `Wakeups.turns`. */
  readonly wake: readonly string[]
  readonly answer: Answer
}

/** Pure: it may run several times before its commit is written. */
export type Decide<Answer> = (pool: Pool, moment: Moment) => Commit<Answer>

/** Creates or replaces the pool. `create` gets null if there is no pool or it cannot be read. */
export interface Creation<Answer> {
  readonly create: (pool: Pool | null, moment: Moment) => Commit<Answer>
  /** A store that takes long to write many records may call it. */
  readonly onPart?: OnPart
}

/** Limits how long a store waits for a lock that another process holds. */
export interface LockPatience {
  /** How much longer the store may wait. At 0 it stops waiting. Called before each attempt. */
  readonly left: () => Millis
  /** The error to throw then; `busy` names the process that holds the lock. */
  readonly error: (busy: CanhazgpuError) => CanhazgpuError
}

/**
 * The pool of one host. The store owns the clock and knows no policy.
 *
 * Every method throws `CanhazgpuError`: `pool-not-initialized` if there is no pool and none is created,
 * `store-corrupt` or `store-too-new` if it cannot be read, `store-busy` if its lock stays taken.
 */
export interface Store {
  /** The pool of the last commit, with its times by the clock at that commit, and the current moment. */
  load(): Promise<{ readonly pool: Pool; readonly moment: Moment }>

  /**
   * Atomic and durable: pool, records and `wake` are written together before the answer, or nothing is. No other
   * commit happens between the read and the write. The written pool is stamped with the moment of its decision. Writes
   * nothing if the commit has no records and the same pool object that was given.
   *
   * Records are idempotent: an existing one (same reservation and unit) is not changed.
   */
  update<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer>

  /** The same store with less patience for its lock; at most 30 s. */
  bounded(patience: LockPatience): Store

  close(): void
}
