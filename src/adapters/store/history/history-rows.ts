import type { Millis, Outcome, ReservationKind, UsageRecord } from '../../../domain/pool/model.ts'

/** A usage record as the table `history` has it. */
export interface HistoryRow {
  readonly reservation: string
  readonly gpu: number
  readonly host: string
  readonly user: string
  readonly uid: number
  readonly account: string
  readonly kind: ReservationKind
  readonly started_at: number
  readonly ended_at: number
  readonly outcome: Outcome
  readonly note: string | null
  /** From the table `ended_by`; absent in rows of the table `history` alone. */
  readonly ended_by_uid?: number | null
  readonly ended_by?: string | null
}

/** What to select from, so that each row is a `HistoryRow`. */
export const HISTORY_ROWS = `
  (SELECT history.rowid AS rowid, history.*, ended_by.uid AS ended_by_uid, ended_by.name AS ended_by
     FROM history LEFT JOIN ended_by USING (reservation, gpu))`

export function recordOfRow(row: HistoryRow): UsageRecord {
  return {
    host: row.host,
    reservation: row.reservation,
    gpu: row.gpu,
    user: row.user,
    account: { uid: row.uid, name: row.account },
    kind: row.kind,
    startedAt: withinDates(row.started_at),
    endedAt: withinDates(row.ended_at),
    outcome: row.outcome,
    ...(row.note === null ? {} : { note: row.note }),
    ...(typeof row.ended_by_uid === 'number'
      ? { endedBy: { uid: row.ended_by_uid, name: row.ended_by ?? '' } }
      : {}),
  }
}

/** A row that was edited, in nanoseconds perhaps, must not keep all others from being shown. */
export function withinDates(ms: number): Millis {
  return Math.min(LAST_DATE, Math.max(-LAST_DATE, ms))
}

/** The last that `Date` can tell, and with the sign the first. */
const LAST_DATE: Millis = 8.64e15

/** In the order of the columns. */
export function rowOfRecord(record: UsageRecord) {
  return [
    record.reservation,
    record.gpu,
    record.host,
    record.user,
    record.account.uid,
    record.account.name,
    record.kind,
    Math.round(record.startedAt),
    Math.round(record.endedAt),
    record.outcome,
    record.note ?? null,
  ] as const
}
