import type { UsageAnswers, UsageQuestion, UsageQuestions } from '../domain/ledger/usage-question.ts'
import type { Observation } from '../domain/observation/observation.ts'
import type { Overview } from '../domain/observation/status.ts'
import type { PresentName } from '../domain/operation/apply.ts'
import type { Answers, Operation } from '../domain/operation/operation.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { Moment, Pool } from '../domain/pool/model.ts'
import type { QueueOverview } from '../domain/schedule/queue-places.ts'
import type { LockPatience } from './store.ts'

/**
 * The pool as its users meet it, for one actor. Whoever implements it decides where the store, the kernel and the
 * driver are. Every method throws `CanhazgpuError` where one of these has trouble.
 */
export interface PoolService {
  /**
   * Does one operation, whole or not at all. The driver is asked where the operation needs an observation, before
   * the transaction. A refusal is an answer; the pool is then without what is over, and otherwise as it was.
   */
  perform<Name extends PresentName>(operation: Operation<Name>): Promise<Answers[Name] | Refusal>

  /** Shows the pool, and changes nothing but that `status` ends what is over. */
  view<Name extends keyof Views>(question: Name): Promise<Views[Name]>

  /** What was and is held. May take seconds where there are millions of records. */
  usage<Name extends keyof UsageQuestions>(question: UsageQuestion<Name>): Promise<UsageAnswers[Name]>

  /** Yields whenever the pool may have changed, until the signal; may yield too often, never misses a change. */
  events(signal: AbortSignal): AsyncIterable<void>

  /** The same service, which waits less for a lock that another process holds. */
  bounded(patience: LockPatience): PoolService

  close(): void
}

/** A pool in the time of the moment. */
export interface Seen {
  readonly pool: Pool
  readonly moment: Moment
}

/** What can be shown, by the name of the question. */
export interface Views {
  /** As it was written last. */
  readonly stored: Seen
  /** Without what is over; and the ids of the queue entries whose process is stopped. */
  readonly present: Seen & { readonly stopped: readonly string[] }
  /** As written last, and what the driver shows. */
  readonly observed: Seen & { readonly observation: Observation }
  readonly status: Overview
  readonly queue: QueueOverview
  /** Ids of the queue entries that could start when the pool was last written. Costs next to nothing. */
  readonly turns: readonly string[]
}
