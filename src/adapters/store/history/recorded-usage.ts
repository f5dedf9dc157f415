import type { Database } from 'bun:sqlite'
import type { TimeRange } from '../../../domain/ledger/recorded.ts'
import type { UsageTally } from '../../../domain/pool/model.ts'
import type { RecordedUsage } from '../../../ports/ledger.ts'
import { HISTORY_ROWS, type HistoryRow, recordOfRow } from './history-rows.ts'

interface Asked {
  readonly range: TimeRange
  readonly reservations: readonly string[]
  /** Of earlier days, only the sums are known. */
  readonly knownFrom: number
}

/** Call it in a transaction, so that both answers come from the same state of the database. */
export function recordedUsage(db: Database, { range, reservations, knownFrom }: Asked): RecordedUsage {
  // Whole milliseconds, because the query needs the integer division into days.
  const [from, to] = [Math.round(range.from), Math.round(range.to)]
  return {
    tallies: db.query<UsageTally, [number, number, number]>(TALLIES).all(from, to, knownFrom),
    records: db
      .query<HistoryRow, [number, number, string]>(RECORDS_OF)
      .all(from, to, JSON.stringify(reservations))
      .map(recordOfRow),
  }
}

const RECORDS_OF = `
  SELECT * FROM ${HISTORY_ROWS}
   WHERE ended_at >= ?1 AND started_at <= ?2 AND reservation IN (SELECT value FROM json_each(?3))`

/**
 * Whole days have stored sums. Single records are read only for days that are partly outside the range, or on which a
 * record ended that started before the range. There are at most as many such records as GPUs. Of days before ?3 only the
 * sums are known, so they count as a whole. CROSS JOIN keeps the order of the joins (sqlite.org/optoverview.html).
 */
const TALLIES = `
  WITH partial_day(day) AS MATERIALIZED (
    SELECT DISTINCT day FROM usage_by_day
     WHERE day >= max(?1 / 86400000, ?3)
       AND (day = ?1 / 86400000 OR day >= ?2 / 86400000 OR earliest_start < ?1)
  )
  SELECT user, uid, account, kind AS term, sum(ms) AS ms, sum(reservations) AS reservations FROM (
    SELECT user, uid, account, kind, ms, reservations FROM usage_by_day
     WHERE day >= ?1 / 86400000 + (?1 / 86400000 >= ?3) AND day <= ?2 / 86400000
       AND day NOT IN partial_day
    UNION ALL
    SELECT user, uid, account, kind, sum(min(ended_at, ?2) - max(started_at, ?1)),
           count(DISTINCT reservation) FILTER (WHERE reservation NOT IN ended_on_several_days)
      FROM partial_day CROSS JOIN history
        ON ended_at >= max(?1, day * 86400000) AND ended_at < (day + 1) * 86400000
     WHERE started_at <= ?2
     GROUP BY user, uid, account, kind
    UNION ALL
    SELECT user, uid, account, kind, 0, count(DISTINCT reservation)
      FROM ended_on_several_days CROSS JOIN history USING (reservation)
     WHERE ended_at >= ?1 AND started_at <= ?2
     GROUP BY user, uid, account, kind
  ) GROUP BY user, uid, account, kind`
