import type { RecordedTime, TimeRange } from '../domain/ledger/recorded.ts'
import type { UsageRecord, UsageTally } from '../domain/pool/model.ts'

/** What is recorded of a range, all of it at one instant. */
export interface RecordedUsage {
  /** Of all records that overlap the range; one for each user, account and term, in any order. */
  readonly tallies: readonly UsageTally[]
  /** Those of the records that belong to the reservations asked for. */
  readonly records: readonly UsageRecord[]
}

/** Reads the usage records of one host. Each method sees all commits that were answered before the call. */
export interface Ledger {
  /** Records that overlap the range, in the order of their ends; of more than `most` those that ended last. */
  history(range: TimeRange, most?: number): Promise<readonly UsageRecord[]>

  /** Shows the time of every record that overlaps the range to `visit`, in any order, and keeps none in memory. */
  visitTimes(range: TimeRange, visit: (time: RecordedTime) => void): Promise<void>

  /**
   * The sums of the records that overlap the range, in much less time than it takes to read them, and the records
   * of the reservations named: a reservation that is still held may have released some units.
   */
  usage(range: TimeRange, reservations: readonly string[]): Promise<RecordedUsage>
}
