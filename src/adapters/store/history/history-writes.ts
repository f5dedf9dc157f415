import type { Database } from 'bun:sqlite'
import type { AuditRecord } from '../../../domain/ledger/audit.ts'
import { addedUp, type DayKey, type DaySum, type EndDay, keyOf } from '../../../domain/ledger/day-sums.ts'
import type { Millis, UsageRecord } from '../../../domain/pool/model.ts'
import type { OnPart } from '../../../ports/progress.ts'
import { gpuColumn, inWholeMillis, rowOfRecord } from './history-rows.ts'

interface Adding {
  readonly keptFrom?: Millis | undefined
  readonly onPart?: OnPart | undefined
}

/**
 * Writes the records that do not exist yet, and adds them to the sums of their days. Of days before `keptFrom`, whose
 * records may have been removed, a record exists if its sum does. Call it in a transaction.
 */
export function addRecords(
  db: Database,
  given: readonly UsageRecord[],
  { keptFrom = Number.NEGATIVE_INFINITY, onPart }: Adding = {},
): void {
  const records = given.filter(
    (record) => record.endedAt >= keptFrom || storedSum(db, keyOf(record)) === undefined,
  )
  if (records.length === 0) return
  const ends = new Map<string, EndDay | undefined>()
  const counted = countedPasses(PASSES * records.length, onPart)
  for (const { reservation } of counted(records)) {
    if (!ends.has(reservation)) ends.set(reservation, storedEndDay(db, reservation))
  }
  const added = counted(records)
    .map(inWholeMillis)
    .filter((record) => isAdded(db, record))
    .toArray()
  const { sums, several } = addedUp(counted(added), {
    endDay: (reservation) => ends.get(reservation),
    sum: (key) => storedSum(db, key),
  })
  for (const sum of sums) writeSum(db, sum)
  for (const reservation of several) {
    db.query('INSERT OR IGNORE INTO ended_on_several_days VALUES (?)').run(reservation)
  }
}

/** How often the records are visited when they are added. */
const PASSES = 3
/** The progress is reported after this many visits. */
const REPORTED_VISITS = 1_000

/** Visits records in several passes, and reports the part of all visits that is done. */
function countedPasses(visits: number, onPart: OnPart | undefined) {
  let done = 0
  return function* (records: readonly UsageRecord[]): Generator<UsageRecord, void> {
    for (const record of records) {
      yield record
      if (++done % REPORTED_VISITS === 0) onPart?.(done / visits)
    }
  }
}

function isAdded(db: Database, record: UsageRecord): boolean {
  const { changes } = db
    .query('INSERT OR IGNORE INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    .run(...rowOfRecord(record))
  if (record.endedBy !== undefined) {
    const { uid, name } = record.endedBy
    db.query('INSERT OR IGNORE INTO ended_by VALUES (?, ?, ?, ?)').run(
      record.reservation,
      gpuColumn(record.unit),
      uid,
      name,
    )
  }
  return changes > 0
}

function storedEndDay(db: Database, reservation: string): EndDay | undefined {
  const days = db
    .query<{ first: number | null; last: number | null }, [string]>(
      'SELECT min(ended_at / 86400000) AS first, max(ended_at / 86400000) AS last FROM history WHERE reservation = ?',
    )
    .get(reservation)
  if (days === null || days.first === null) return undefined
  return days.first === days.last ? days.first : 'several'
}

function storedSum(db: Database, { day, user, uid, account, term }: DayKey): DaySum | undefined {
  const sum = db
    .query<DaySum, [number, string, number, string, string]>(
      `SELECT day, user, uid, account, kind AS term, ms, reservations, earliest_start AS earliestStart
         FROM usage_by_day WHERE (day, user, uid, account, kind) = (?, ?, ?, ?, ?)`,
    )
    .get(day, user, uid, account, term)
  return sum ?? undefined
}

export function writeSum(db: Database, { day, user, uid, account, term, ...sums }: DaySum): void {
  db.query('INSERT OR REPLACE INTO usage_by_day VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
    day,
    user,
    uid,
    account,
    term,
    sums.ms,
    sums.reservations,
    sums.earliestStart,
  )
}

/** Call it in the transaction of the change. */
export function addAudit(db: Database, audit: readonly AuditRecord[]): void {
  for (const { at, by, login, change } of audit) {
    db.query('INSERT INTO audit VALUES (NULL, ?, ?, ?, ?, ?, ?)').run(
      Math.round(at),
      by.uid,
      by.name,
      login?.uid ?? null,
      login?.name ?? null,
      JSON.stringify(change),
    )
  }
}
