import type {
  ManualTerm,
  Millis,
  Owner,
  ProcessIdentity,
  ProviderName,
  Request,
  Reservation,
  RunTerm,
} from '../pool/model.ts'

/** Who wants which units for what. Ids are made by the caller, so that the decision stays pure. */
export interface Intent {
  /** Of the reservation, and of the queue entry before it. */
  readonly id: string
  readonly request: Request
  readonly owner: Owner
  readonly note?: string
  readonly term: RequestedTerm
}

export type RequestedTerm = RequestedRun | RequestedManual

export interface RequestedRun extends Pick<RunTerm, 'kind' | 'process' | 'command'> {
  readonly timeout?: { readonly after: Millis; readonly grace: Millis }
}

export interface RequestedManual extends Pick<ManualTerm, 'kind'> {
  readonly duration: Millis
}

/** Which process waits, and for how long at most. */
export interface Ticket {
  readonly process: ProcessIdentity
  readonly waitFor?: Millis
}

/** A reservation that was just made. */
export interface Grant {
  readonly reservation: Reservation
  /** The value of `CUDA_VISIBLE_DEVICES` that means exactly these units. */
  readonly devices: readonly string[]
  readonly provider: ProviderName
  /** When it was made, in steady time: a time limit counts from here, even if the process was stopped since. */
  readonly grantedAt: Millis
}

/** For how long the units would be held at most; undefined: without a limit. */
export function longestHold(term: RequestedTerm): Millis | undefined {
  if (term.kind === 'manual') return term.duration
  return term.timeout === undefined ? undefined : term.timeout.after + term.timeout.grace
}
