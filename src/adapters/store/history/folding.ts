import type { Database } from 'bun:sqlite'
import { DAY_MS } from '../../../domain/ledger/day-sums.ts'
import type { Pool } from '../../../domain/pool/model.ts'

/** The most reservations whose records one commit removes, so that it stays short. */
const MOST_AT_ONCE = 200

/** The first day whose records are all known. Of earlier days, only the sums are. */
export const firstKnownDay = ({ keptFrom }: Pick<Pool, 'keptFrom'>): number =>
  keptFrom === undefined ? Number.MIN_SAFE_INTEGER : keptFrom / DAY_MS

/**
 * Removes the oldest records from before `keptFrom`. A reservation with a later record keeps all of them, because they
 * are counted together. Call it in a transaction.
 */
export function removeFolded(db: Database, { keptFrom, reservations }: Pool): void {
  if (keptFrom === undefined) return
  const held = new Set(reservations.map(({ id }) => id))
  const oldest = db
    .query<{ reservation: string }, [number]>(
      `SELECT DISTINCT reservation FROM
         (SELECT reservation FROM history WHERE ended_at < ? ORDER BY ended_at LIMIT ${MOST_AT_ONCE})`,
    )
    .all(keptFrom)
  for (const { reservation } of oldest) {
    if (!held.has(reservation) && !hasRecordSince(db, reservation, keptFrom)) remove(db, reservation)
  }
}

const hasRecordSince = (db: Database, reservation: string, time: number): boolean =>
  db.query('SELECT 1 FROM history WHERE reservation = ? AND ended_at >= ?').get(reservation, time) !== null

function remove(db: Database, reservation: string): void {
  const { changes } = db.query('DELETE FROM ended_on_several_days WHERE reservation = ?').run(reservation)
  // It was counted by its records. From now on it counts on the day of the last one.
  if (changes > 0) db.query(COUNT_ON_LAST_DAY).run(reservation)
  db.query('DELETE FROM ended_by WHERE reservation = ?').run(reservation)
  db.query('DELETE FROM history WHERE reservation = ?').run(reservation)
}

const COUNT_ON_LAST_DAY = `
  UPDATE usage_by_day SET reservations = reservations + 1
   WHERE (day, user, uid, account, kind) =
         (SELECT ended_at / 86400000, user, uid, account, kind FROM history
           WHERE reservation = ? ORDER BY ended_at DESC LIMIT 1)`
