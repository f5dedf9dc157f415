import type { Millis } from '../pool/model.ts'

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
