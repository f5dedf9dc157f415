import type { Millis, Outcome, TermKind, UnitId, UsageRecord } from '../../../domain/pool/model.ts'
import { gpuNumber, gpuUnit } from '../../../domain/pool/units.ts'

export const TERM_KINDS: readonly TermKind[] = ['run', 'manual', 'booking', 'maintenance']

/** A usage record as stored in the table `history`. */
export interface HistoryRow {
  readonly reservation: string
  readonly gpu: number
  readonly host: string
  readonly user: string
  readonly uid: number
  readonly account: string
  readonly kind: TermKind
  readonly started_at: number
  readonly ended_at: number
  readonly outcome: Outcome
  readonly note: string | null
  /** From the table `ended_by`; absent in rows of the table `history` alone. */
  readonly ended_by_uid?: number | null
  readonly ended_by?: string | null
}

/** The FROM clause whose rows are `HistoryRow`s. */
export const HISTORY_ROWS = `
  (SELECT history.rowid AS rowid, history.*, ended_by.uid AS ended_by_uid, ended_by.name AS ended_by
     FROM history LEFT JOIN ended_by USING (reservation, gpu))`

export function recordOfRow(row: HistoryRow): UsageRecord {
  return {
    host: row.host,
    reservation: row.reservation,
    unit: gpuUnit(row.gpu),
    owner: { account: { uid: row.uid, name: row.account }, shownName: row.user },
    term: row.kind,
    startedAt: withinDates(row.started_at),
    endedAt: withinDates(row.ended_at),
    outcome: row.outcome,
    ...(row.note === null ? {} : { note: row.note }),
    ...(typeof row.ended_by_uid === 'number'
      ? { endedBy: { uid: row.ended_by_uid, name: row.ended_by ?? '' } }
      : {}),
  }
}

/** The nearest time of `Date`. One row with an edited time must not prevent the others from being shown. */
export function withinDates(ms: number): Millis {
  return Math.min(LAST_DATE, Math.max(-LAST_DATE, ms))
}

/** The latest time of `Date`; negated, the earliest. */
const LAST_DATE: Millis = 8.64e15

/** With times as the table stores them. Times that were corrected for a clock change may have fractions. */
export function inWholeMillis(record: UsageRecord): UsageRecord {
  return { ...record, startedAt: Math.round(record.startedAt), endedAt: Math.round(record.endedAt) }
}

/** The values of a row, in the order of the columns. */
export function rowOfRecord(record: UsageRecord) {
  const { account, shownName } = record.owner
  return [
    record.reservation,
    gpuColumn(record.unit),
    record.host,
    shownName,
    account.uid,
    account.name,
    record.term,
    Math.round(record.startedAt),
    Math.round(record.endedAt),
    record.outcome,
    record.note ?? null,
  ] as const
}

/** The tables of the history identify GPUs by number. */
export function gpuColumn(unit: UnitId): number {
  const number = gpuNumber(unit)
  if (gpuUnit(number) !== unit) throw new Error(`the history cannot record the unit ${unit}, only whole GPUs`)
  return number
}
