import type { Observation } from '../domain/observation/observation.ts'
import type { OperationName } from '../domain/operation/operation.ts'
import type { Account, Liveness, Moment, Pool, ProcessIdentity } from '../domain/pool/model.ts'

/** Takes down what happens, for whoever looks for the cause of something. Never fails, and changes nothing. */
export type Trace = (event: TraceEvent) => void

export type TraceEvent = TracedStep | TracedError

/** Everything that decided one step: `apply` gives the same answer for it again. */
export interface TracedStep {
  readonly kind: 'step'
  /** With all its fields. */
  readonly operation: { readonly op: OperationName }
  readonly actor: Account
  readonly moment: Moment
  /** The answers of the kernel that were asked for. */
  readonly processes: readonly ProcessAnswer[]
  readonly observed?: Observation
  /** As it was stored; null where there was none. */
  readonly pool: Pool | null
  readonly answer: unknown
  /** Whether the step changed anything. */
  readonly wrote: boolean
}

export interface ProcessAnswer {
  readonly process: ProcessIdentity
  readonly alive?: Liveness
  readonly stopped?: boolean
}

/** Something that failed, whether or not anybody is told. */
export interface TracedError {
  readonly kind: 'error'
  /** What was being done. */
  readonly during: string
  readonly error: unknown
}
