import type { AuditRecord } from '../domain/ledger/audit.ts'
import type { RecordedHold, TimeRange } from '../domain/ledger/recorded.ts'
import type { UsageRecord, UsageTally } from '../domain/pool/model.ts'

/** The recorded usage of a time range, read at one instant. */
export interface RecordedUsage {
  /** Sums of all records that overlap the range: one for each user, account and term, in any order. */
  readonly tallies: readonly UsageTally[]
  /** The records of the given reservations. */
  readonly records: readonly UsageRecord[]
}

/** Reads the usage records of one host. Each method includes all commits that were answered before the call. */
export interface Ledger {
  /** The records that overlap the range, in the order of their ends; at most `most`, those that ended last. */
  history(range: TimeRange, most?: number): Promise<readonly UsageRecord[]>

  /** Passes the time of every record that overlaps the range to `visit`, in any order, and keeps none in memory. */
  visitTimes(range: TimeRange, visit: (time: RecordedHold) => void): Promise<void>

  /**
   * The sums of the records that overlap the range, much faster than reading them, and the records of the given
   * reservations. A reservation that is still held may have released some units.
   *
   * Of records from before `keptFrom` of the pool, only the sums by day are known: such a record may count as a whole on
   * the day (UTC) of its end. The other methods may not have it.
   */
  usage(range: TimeRange, reservations: readonly string[]): Promise<RecordedUsage>

  /** Whether there is a record of this reservation: it has released some units, or has ended. */
  isRecorded(reservation: string): Promise<boolean>

  /** What administrators changed: the last `most` records, newest first. */
  audit(most: number): Promise<readonly AuditRecord[]>
}
