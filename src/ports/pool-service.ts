import type { UsageAnswers, UsageQuestion, UsageQuestions } from '../domain/ledger/usage-question.ts'
import type { Observation } from '../domain/observation/observation.ts'
import type { StaleReadings } from '../domain/observation/sample.ts'
import type { Overview } from '../domain/observation/status.ts'
import type { Answers, Operation, PoolOperationName } from '../domain/operation/operation.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { Rule } from '../domain/policy/rules.ts'
import type { Account, Moment, Pool } from '../domain/pool/model.ts'
import type { QueueOverview } from '../domain/schedule/queue-places.ts'
import type { LockPatience } from './store.ts'

/**
 * The operations and views of a pool for one actor. An implementation decides where store, kernel and driver are. Every
 * method throws `CanhazgpuError` if one of these fails.
 */
export interface PoolService {
  /**
   * Performs one operation, atomically. If the operation needs an observation, the driver is probed before the
   * transaction. A refusal is an answer; a refused operation changes nothing, except that ended reservations and queue
   * entries are removed.
   */
  perform<Name extends PoolOperationName>(operation: Operation<Name>): Promise<Answers[Name] | Refusal>

  /** Reads the pool. Only `status` writes: it ends what has ended. */
  view<Name extends keyof Views>(question: Name): Promise<Views[Name]>

  /** Usage from the records and from current reservations. May take seconds with millions of records. */
  usage<Name extends keyof UsageQuestions>(question: UsageQuestion<Name>): Promise<UsageAnswers[Name]>

  /** Yields after each possible change of the pool, until the signal aborts. May yield too often; misses no change. */
  events(signal: AbortSignal): AsyncIterable<void>

  /** The same service with less patience. */
  bounded(patience: Patience): PoolService

  close(): void
}

/** Limits how long a service waits for a lock that another process holds, and for the driver. */
export interface Patience extends LockPatience {
  /** When it aborts, the service stops waiting for the driver, and throws the reason. */
  readonly interruption?: AbortSignal
}

/** A pool and a moment. The times of the pool are adjusted to the clock of the moment. */
export interface TimedPool {
  readonly pool: Pool
  readonly moment: Moment
}

/** The views of a pool, by name. */
export interface Views {
  /** As it was last written. */
  readonly stored: TimedPool
  /** Without ended reservations and queue entries; and the ids of the queue entries whose process is stopped. */
  readonly settled: TimedPool & { readonly stopped: readonly string[] }
  /** As it was last written, with an observation. */
  readonly observed: TimedPool & { readonly observation: Observation; readonly stale?: StaleReadings }
  readonly status: Overview
  readonly queue: QueueOverview
  /** The rules, and what they mean for the actor. */
  readonly policy: readonly Rule[]
  /** The actor. */
  readonly account: Account
  /** Ids of the queue entries that could start when the pool was last written. Very cheap. */
  readonly turns: readonly string[]
}
