import type { Database } from 'bun:sqlite'
import type { RecordedHold, TimeRange } from '../../../domain/ledger/recorded.ts'
import type { TermKind, UsageRecord } from '../../../domain/pool/model.ts'
import { HISTORY_ROWS, type HistoryRow, recordOfRow, withinDates } from './history-rows.ts'

/**
 * The records that ended last, in order of their ends. A negative limit means no limit (sqlite.org/lang_select.html).
 */
export function newestRecords(db: Database, { from, to }: TimeRange, most = -1): readonly UsageRecord[] {
  return db
    .query<HistoryRow, [number, number, number]>(
      `SELECT * FROM ${HISTORY_ROWS} WHERE ended_at >= ? AND started_at <= ? ORDER BY ended_at DESC, rowid DESC LIMIT ?`,
    )
    .all(from, to, most)
    .reverse()
    .map(recordOfRow)
}

export const isRecorded = (db: Database, reservation: string): boolean =>
  db.query('SELECT 1 FROM history WHERE reservation = ? LIMIT 1').get(reservation) !== null

/** A million rows are visited one by one; a list of them would take a gigabyte. */
export function visitTimes(db: Database, { from, to }: TimeRange, visit: (time: RecordedHold) => void): void {
  const rows = db
    .query<TimeRow, [number, number]>(
      'SELECT reservation, kind, user, uid, account, started_at, ended_at FROM history WHERE ended_at >= ? AND started_at <= ?',
    )
    .iterate(from, to)
  for (const { reservation, kind, user, uid, account, started_at, ended_at } of rows) {
    visit({
      ...{ reservation, term: kind, user },
      account: { uid, name: account },
      startedAt: withinDates(started_at),
      endedAt: withinDates(ended_at),
    })
  }
}

interface TimeRow {
  readonly reservation: string
  readonly kind: TermKind
  readonly user: string
  readonly uid: number
  readonly account: string
  readonly started_at: number
  readonly ended_at: number
}
