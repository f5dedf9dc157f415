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

/** A request for units, with its owner and term. The caller makes the id, so the decision stays pure. */
export interface Intent {
  /** The id of the queue entry and of the later reservation. */
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

/** The process that waits, and its maximum wait. */
export interface Ticket {
  readonly process: ProcessIdentity
  readonly waitFor?: Millis
}

/** A new reservation. */
export interface Grant {
  readonly reservation: Reservation
  /** The entries of `CUDA_VISIBLE_DEVICES` for these units. */
  readonly devices: readonly string[]
  readonly provider: ProviderName
  /** Steady time of the grant. A time limit starts here, even if the process is stopped afterwards. */
  readonly grantedAt: Millis
}

/** The longest time for which the units may be held; undefined: no limit. */
export function longestHold(term: RequestedTerm): Millis | undefined {
  if (term.kind === 'manual') return term.duration
  return term.timeout === undefined ? undefined : term.timeout.after + term.timeout.grace
}
