import { alreadyEnded } from '../domain/daemon-errors.ts'
import type { Observation } from '../domain/observation/observation.ts'
import { apply, applySetUp } from '../domain/operation/apply.ts'
import type { Answers, Context, Operation, PoolOperationName, Step } from '../domain/operation/operation.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { Account, Moment, Pool } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { OnPart } from '../ports/progress.ts'
import type { Store } from '../ports/store.ts'
import type { Trace, TracedStep } from '../ports/trace.ts'
import { RecordedChecks } from './recorded-checks.ts'

/** The store, and the context of the operation. */
export interface PerformInputs {
  readonly store: Store
  readonly actor: Account
  /** The account that logged in, if that is another one. */
  readonly login?: Account
  /** The Unix groups of the actor. */
  readonly groups?: readonly number[]
  readonly processes: ProcessCheck
  /** Whether the process that requests GPUs has ended. Absent if it is this process. */
  readonly isRequesterGone?: () => boolean
  /** Whether the reservation with this id has ended already. Absent if a request is never repeated. */
  readonly hasEnded?: (id: string) => boolean
  readonly observed?: Observation
  readonly trace?: Trace
  /** Called after a commit that changed the pool, outside the transaction. Must not throw. */
  readonly committed?: () => void
}

/** The only function that changes an existing pool. */
export function perform<Name extends PoolOperationName>(
  inputs: PerformInputs,
  operation: Operation<Name>,
): Promise<Answers[Name] | Refusal> {
  const steps = new Steps(inputs)
  return steps.traced(
    inputs.store.update((pool, now) => {
      const refusal = refusalOf(operation, inputs)
      if (refusal !== undefined) return { pool, records: [], wake: [], answer: refusal }
      return steps.step({ pool, now, operation }, (context) => apply(pool, operation, context))
    }),
  )
}

/**
 * Refuses a request for GPUs whose process or reservation has ended. Called in the decision, because both may end while
 * the request waits for a reading, for its turn or for a lock.
 */
function refusalOf(
  operation: { readonly op: PoolOperationName; readonly intent?: { readonly id: string } },
  { isRequesterGone, hasEnded }: PerformInputs,
): Refusal | undefined {
  const { op, intent } = operation
  if (intent === undefined || !GIVES.has(op)) return undefined
  if (hasEnded?.(intent.id) === true) throw alreadyEnded()
  return isRequesterGone?.() === true ? { refused: { code: 'gone' } } : undefined
}

/** The operations that give GPUs to the process that requests them. */
const GIVES: ReadonlySet<PoolOperationName> = new Set(['acquire', 'claim', 'book'] as const)

export function performSetUp(
  { onPart, ...inputs }: PerformInputs & { readonly onPart?: OnPart },
  operation: Operation<'set-up'>,
): Promise<Answers['set-up'] | Refusal> {
  const steps = new Steps(inputs)
  return steps.traced(
    inputs.store.update({
      create: (pool, now) =>
        steps.step({ pool, now, operation }, (context) => applySetUp(pool, operation, context)),
      ...(onPart === undefined ? {} : { onPart }),
    }),
  )
}

interface Given {
  readonly pool: Pool | null
  readonly now: Moment
  readonly operation: TracedStep['operation']
}

/** The steps of one operation. A store may run the decision several times; only the last step counts. */
class Steps {
  readonly #inputs: PerformInputs
  #last: TracedStep | undefined
  #changed = false

  constructor(inputs: PerformInputs) {
    this.#inputs = inputs
  }

  step<Answer>(given: Given, decide: (context: Context) => Step<Answer>): Step<Answer> {
    const { actor, login, groups, processes, observed, trace } = this.#inputs
    const known = {
      actor,
      now: given.now,
      ...(login === undefined ? {} : { login }),
      ...(groups === undefined ? {} : { groups }),
      ...(observed === undefined ? {} : { observed }),
    }
    if (trace === undefined) return this.#noted(given, decide({ ...known, processes }))
    const checks = new RecordedChecks(processes)
    const step = this.#noted(given, decide({ ...known, processes: checks }))
    const { now: moment, ...context } = known
    this.#last = {
      ...{ kind: 'step', operation: given.operation, ...context, moment, pool: given.pool },
      processes: checks.answers,
      answer: step.answer,
      wrote: step.pool !== given.pool || step.records.length > 0,
    }
    return step
  }

  /** A store may repeat a decision; only the last one is committed. */
  #noted<Answer>(given: Given, step: Step<Answer>): Step<Answer> {
    this.#changed = step.pool !== given.pool
    return step
  }

  /** Traces the step also if the update failed: the step may be the cause. */
  async traced<Answer>(update: Promise<Answer>): Promise<Answer> {
    try {
      const answer = await update
      if (this.#changed) this.#inputs.committed?.()
      return answer
    } finally {
      if (this.#last !== undefined) this.#inputs.trace?.(this.#last)
    }
  }
}
