import type { Observation } from '../domain/observation/observation.ts'
import { apply, applySetUp, type PresentName } from '../domain/operation/apply.ts'
import type { Answers, Context, Operation } from '../domain/operation/operation.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { Account, Moment } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { Store } from '../ports/store.ts'

/** On which store an operation is performed, for whom, and by which answers. */
export interface Performance {
  readonly store: Store
  readonly actor: Account
  readonly processes: ProcessCheck
  readonly observed?: Observation
}

/** The only place where a pool is changed. */
export function perform<Name extends PresentName>(
  performance: Performance,
  operation: Operation<Name>,
): Promise<Answers[Name] | Refusal> {
  return performance.store.update((pool, now) => apply(pool, operation, contextAt(performance, now)))
}

export function performSetUp(
  performance: Performance,
  operation: Operation<'set-up'>,
): Promise<Answers['set-up'] | Refusal> {
  return performance.store.update({
    create: (pool, now) => applySetUp(pool, operation, contextAt(performance, now)),
  })
}

const contextAt = ({ store: _, ...given }: Performance, now: Moment): Context => ({ ...given, now })
