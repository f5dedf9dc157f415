import type { Account, HeldTime, Millis, Outcome } from '../pool/model.ts'

export interface TimeRange {
  readonly from: Millis
  readonly to: Millis
}

/** Who held a GPU from when to when. */
export interface RecordedTime {
  readonly user: string
  readonly account: { readonly uid: number; readonly name: string }
  readonly startedAt: Millis
  readonly endedAt: Millis
}

/** Who held which unit when; without an outcome it is still held. */
export interface PastTime extends HeldTime {
  readonly outcome?: Outcome
  readonly endedBy?: Account
}
