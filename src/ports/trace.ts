import type { Observation } from '../domain/observation/observation.ts'
import type { OperationName } from '../domain/operation/operation.ts'
import type { Account, Liveness, Millis, Moment, Pool, ProcessIdentity } from '../domain/pool/model.ts'

/** Records events for diagnosis. Never fails, and has no effect on the program. */
export type Trace = (event: TraceEvent) => void

export type TraceEvent = TracedStep | TracedError

/** All inputs of one step: with them `apply` gives the same answer again. */
export interface TracedStep {
  readonly kind: 'step'
  /** With all its fields. */
  readonly operation: { readonly op: OperationName }
  readonly actor: Account
  readonly groups?: readonly number[]
  readonly moment: Moment
  /** The kernel's answers that the step used. */
  readonly processes: readonly ProcessAnswer[]
  readonly observed?: Observation
  /** The stored pool; null if there was none. */
  readonly pool: Pool | null
  readonly answer: unknown
  /** Whether the step changed anything. */
  readonly wrote: boolean
}

export interface ProcessAnswer {
  readonly process: ProcessIdentity
  readonly alive?: Liveness
  readonly stopped?: boolean
  readonly exitedAt?: Millis
}

/** A failure, whether or not it is printed. */
export interface TracedError {
  readonly kind: 'error'
  /** The activity that failed. */
  readonly during: string
  readonly error: unknown
}
