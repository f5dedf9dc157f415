import type { CanhazgpuError } from '../domain/errors.ts'
import type { RecordedTime, TimeRange } from '../domain/ledger/recorded.ts'
import type { Millis, Moment, Pool, Probe, UsageRecord, UsageTally } from '../domain/pool/model.ts'

/** What a decision leaves behind: the pool as it shall be, and the records of what ended by it. */
export interface Decision<Result> {
  readonly pool: Pool
  readonly ended: readonly UsageRecord[]
  readonly result: Result
}

/** Pure: it may run several times before it is committed. */
export type Decide<Result> = (pool: Pool, moment: Moment) => Decision<Result>

/** What is recorded of a range, all of it at one instant. */
export interface RecordedUsage {
  /** Of all records that overlap the range; one for each user, account and term, in any order. */
  readonly tallies: readonly UsageTally[]
  /** Those of the records that belong to the reservations asked for. */
  readonly records: readonly UsageRecord[]
}

/** How long a store waits for its lock at most, which another process may hold. */
export interface LockPatience {
  /** How much longer the store may wait from now on; at 0 it gives up. Asked before each attempt. */
  readonly left: () => Millis
  /** What to throw then; `busy` names the process that holds the lock. */
  readonly error: (busy: CanhazgpuError) => CanhazgpuError
}

/** One host's pool and its history. The store owns the clock, knows no policy and never asks the driver. */
export interface Store {
  /** The committed pool and the store's present moment. Throws `pool-not-initialized`. */
  read(): Promise<{ readonly pool: Pool; readonly moment: Moment }>

  /**
   * Commits pool and usage records together and durably, or not at all; no other update comes between
   * the pool that `decide` saw and the one it returned. Writes nothing when `decide` returns the very
   * pool it was given and no records. A usage record that exists already stays as it is.
   */
  update<Result>(decide: Decide<Result>): Promise<Result>

  /**
   * Creates the pool, or with `decide` seeing an existing one replaces it: `decide` gets null where there
   * is no pool yet, or one that is damaged. The same atomicity as `update`.
   */
  initialize<Result>(decide: (pool: Pool | null, moment: Moment) => Decision<Result>): Promise<Result>

  /**
   * Ids of the queue entries that could be served when the pool was last written, as far as reservations
   * tell. Costs next to nothing, so that a hundred waiters may ask at every change.
   */
  turns(): Promise<readonly string[]>

  /** Records that overlap the range, in the order of their ends; of more than `most` those that ended last. */
  history(range: TimeRange, most?: number): Promise<readonly UsageRecord[]>

  /** Shows the time of every record that overlaps the range to `visit`, in any order, and keeps none in memory. */
  visitTimes(range: TimeRange, visit: (time: RecordedTime) => void): Promise<void>

  /**
   * The sums of the records that overlap the range, in much less time than it takes to read them, and
   * which of them belong to the reservations named: of one that is held still, GPUs may have been released.
   */
  usage(range: TimeRange, reservations: readonly string[]): Promise<RecordedUsage>

  /** Yields whenever the pool may have changed; may yield too often, never misses a change. */
  changes(signal: AbortSignal): AsyncIterable<void>

  /** Calls a waiter when it may be the turn of its entry. */
  lineCalls(entry: string): LineCalls

  /** The same store, which waits less for its lock: 30 s are the most. Throws `store-busy` otherwise. */
  bounded(patience: LockPatience): Store

  close(): void
}

/** What a waiter is woken by. */
export interface LineCalls {
  /** From here on the next change is told, once; its turn is told always. */
  listen(): void
  next(): Promise<'turn' | 'change' | 'closed'>
  close(): void
}

/** Looks at the GPUs of this host, once. */
export interface GpuProvider {
  /**
   * Answers within the deadline or throws `driver-unresponsive`; throws `driver-missing` or
   * `driver-failed` where the driver as a whole cannot be asked. A fault of one GPU is part of the answer.
   */
  probe(deadlineMs: Millis): Promise<Probe>
}

/** A damaged store that was moved out of the way, and what could still be read of it. */
export interface SetAside {
  /** Where it is kept. */
  readonly keptAs: string
  /** Null where its pool cannot be read or breaks the rules. */
  readonly pool: Pool | null
  readonly records: readonly UsageRecord[]
  /** Creates the store in its place, for those who had it, or for a group. */
  readonly replace: () => Promise<Store>
  /** Puts it back, with all that is in its place gone. */
  readonly putBack: () => void
}
