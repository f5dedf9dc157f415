import type { Account, HeldTime, Millis, Outcome, TermKind } from '../pool/model.ts'

export interface TimeRange {
  readonly from: Millis
  readonly to: Millis
}

/** A time for which a user held a GPU. */
export interface RecordedTime {
  readonly user: string
  readonly account: { readonly uid: number; readonly name: string }
  readonly startedAt: Millis
  readonly endedAt: Millis
}

/** The same, with its reservation. */
export interface RecordedHold extends RecordedTime {
  readonly reservation: string
  readonly term: TermKind
}

/** A held time in the history; without an outcome the unit is still held. */
export interface PastTime extends HeldTime {
  readonly outcome?: Outcome
  readonly endedBy?: Account
}
