import type { Database } from 'bun:sqlite'
import { lstatSync, mkdtempSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import * as v from 'valibot'
import type { AuditRecord } from '../../../domain/ledger/audit.ts'
import { DAY_MS, type DaySum } from '../../../domain/ledger/day-sums.ts'
import { type Millis, OUTCOMES, type Pool, type UsageRecord } from '../../../domain/pool/model.ts'
import type { OnPart } from '../../../ports/progress.ts'
import { readableAudit } from '../history/audit-rows.ts'
import { type HistoryRow, recordOfRow, TERM_KINDS } from '../history/history-rows.ts'
import { fileProblems, poolIn } from '../schema/examination.ts'
import { openReadOnly } from '../schema/read-only.ts'
import { hasOwnTables } from '../schema/schema.ts'
import { isBusy, storeError } from '../sqlite-errors.ts'
import { refuseRenamable } from './fresh-folder.ts'
import { type Audience, audienceOf, syncFolders } from './pool-files.ts'

/** A damaged database that was moved away, with everything that could be read from it. */
export interface Aside {
  readonly keptAs: string
  readonly pool: Pool | null
  readonly records: readonly UsageRecord[]
  readonly sums: readonly DaySum[]
  readonly audit: readonly AuditRecord[]
  /** The users who may use it. */
  readonly audience: Audience | null
  readonly putBack: () => void
}

/**
 * Moves a damaged database and its log into a new folder. Returns null if there is no database, or it is not damaged.
 * Only we can write the folder, and its name cannot be predicted or blocked. The database is read after the move: a
 * process that still has it open detects the move and writes nothing more.
 */
export function setAsideDamaged(path: string, now: Date, onPart?: OnPart): Aside | null {
  try {
    return movedAside(path, now, onPart)
  } catch (cause) {
    throw isBusy(cause) ? cause : storeError(path, cause)
  }
}

function movedAside(path: string, now: Date, onPart: OnPart | undefined): Aside | null {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return null
  onPart?.(0)
  if (fileProblems(path).every(({ kind }) => kind !== 'damage') && !isPoolDamaged(path)) return null
  const folder = dirname(path)
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '')
  refuseRenamable(path)
  const aside = mkdtempSync(`${path}.damaged-${time}-`)
  const keptAs = `${aside}/${basename(path)}`
  // The database moves last: no other process may open it without its log.
  const putBack = () => {
    try {
      for (const ending of ['-wal', '-shm', '']) move(keptAs + ending, path + ending)
      rmdirSync(aside)
      syncFolders(folder, folder)
    } catch (cause) {
      throw storeError(keptAs, cause)
    }
  }
  try {
    for (const ending of ['', '-wal', '-shm']) move(path + ending, keptAs + ending)
    syncFolders(aside, folder)
  } catch (cause) {
    putBack()
    throw storeError(path, cause)
  }
  const kept = lstatSync(keptAs)
  if (!kept.isFile() || kept.ino !== found.ino) {
    // Another process was first: the moved database is the one it created, and is sound.
    putBack()
    return null
  }
  const audience = audienceOf(kept)
  const pool = readablePool(keptAs)
  const sums = pool?.keptFrom === undefined ? [] : readableSums(keptAs, pool.keptFrom)
  const keptFrom = sums.length === 0 ? undefined : pool?.keptFrom
  const records = readableRecords(keptAs, onPart).filter(
    ({ endedAt }) => keptFrom === undefined || endedAt >= keptFrom,
  )
  return { keptAs, pool, records, sums, audit: recoveredAudit(keptAs), audience, putBack }
}

/** Removes the target if there is nothing to move. */
function move(from: string, to: string): void {
  if (lstatSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, to)
  else rmSync(to, { force: true })
}

const isPoolDamaged = (path: string): boolean => (poolIn(path)?.problems.length ?? 0) > 0

function readablePool(path: string): Pool | null {
  try {
    return poolIn(path)?.pool ?? null
  } catch {
    return null
  }
}

const text = v.string()
const whole = v.pipe(v.number(), v.integer())
const historyRow = v.pipe(
  v.object({
    ...{ reservation: text, host: text, user: text, account: text, note: v.nullable(text) },
    ...{ gpu: v.pipe(whole, v.minValue(0)), uid: whole, started_at: whole, ended_at: whole },
    kind: v.picklist(TERM_KINDS),
    outcome: v.picklist(OUTCOMES),
  }),
  v.check((row) => row.started_at <= row.ended_at),
)

const endedByRow = v.object({ reservation: text, gpu: whole, uid: whole, name: text })

const keyOf = ({ reservation, gpu }: { readonly reservation: string; readonly gpu: number }) =>
  `${reservation}/${gpu}`

/** The accounts that ended other accounts' reservations, if readable. An older schema does not have them. */
function readableActors(
  db: Database,
): ReadonlyMap<string, { readonly ended_by_uid: number; readonly ended_by: string }> {
  const actors = new Map<string, { ended_by_uid: number; ended_by: string }>()
  try {
    for (const row of db.query('SELECT reservation, gpu, uid, name FROM ended_by').iterate()) {
      if (!v.is(endedByRow, row)) continue
      actors.set(keyOf(row), { ended_by_uid: row.uid, ended_by: row.name })
      if (actors.size === MOST_UNREADABLE) break
    }
  } catch {
    // The table is missing, or the rest of it is on a damaged page.
  }
  return actors
}

/** A damaged page holds a few dozen records. The search ends after this many unreadable rows in succession. */
const MOST_UNREADABLE = 100_000

/** The progress is reported after this many rows. */
const REPORTED_ROWS = 1_000

/** The first and the last row, as far as they can be read. */
function rowRange(db: Database): { readonly first: number; readonly last: number } {
  const ends = 'SELECT (SELECT min(rowid) FROM history) AS first, (SELECT max(rowid) FROM history) AS last'
  try {
    return v.parse(v.object({ first: whole, last: whole }), db.query(ends).get())
  } catch {
    return { first: 0, last: Number.POSITIVE_INFINITY }
  }
}

/** A damaged page can have row numbers outside the range. */
const partOf = ({ first, last }: { readonly first: number; readonly last: number }, row: number): number =>
  Math.min(1, Math.max(0, (row - first) / (last - first + 1)))

/** Reads the records row by row, and skips rows that cannot be read. */
function readableRecords(path: string, onPart: OnPart | undefined): readonly UsageRecord[] {
  const records: UsageRecord[] = []
  try {
    using opened = openReadOnly(path)
    const { db } = opened
    if (!hasOwnTables(db)) return []
    const actors = readableActors(db)
    const range = rowRange(db)
    let read = 0
    const rowsAfter = db.query<HistoryRow & { rowid: number }, [number]>(
      'SELECT rowid, * FROM history NOT INDEXED WHERE rowid > ? ORDER BY rowid',
    )
    for (let last = 0, unreadable = 0; unreadable < MOST_UNREADABLE; last++, unreadable++) {
      try {
        for (const row of rowsAfter.iterate(last)) {
          // Damaged pages may point back to earlier ones: reading them would never end.
          if (row.rowid <= last) return records
          if (v.is(historyRow, row)) records.push(recordOfRow({ ...row, ...actors.get(keyOf(row)) }))
          last = row.rowid
          unreadable = 0
          if (++read % REPORTED_ROWS === 0) onPart?.(partOf(range, last))
        }
        return records
      } catch {
        // A row after `last` cannot be read: the next attempt starts one row later.
      }
    }
  } catch {
    // The rest cannot be read.
  }
  return records
}

const daySum = v.object({
  ...{ user: text, account: text, term: v.picklist(TERM_KINDS) },
  ...{ day: whole, uid: whole, ms: whole, reservations: whole, earliestStart: whole },
})

/** The sums of the days before this time; none if one of them cannot be read. */
function readableSums(path: string, until: Millis): readonly DaySum[] {
  try {
    using opened = openReadOnly(path)
    if (!hasOwnTables(opened.db)) return []
    const rows = opened.db
      .query(
        `SELECT day, user, uid, account, kind AS term, ms, reservations, earliest_start AS earliestStart
           FROM usage_by_day WHERE day < ?`,
      )
      .all(until / DAY_MS)
    return v.parse(v.array(daySum), rows)
  } catch {
    return []
  }
}

function recoveredAudit(path: string): readonly AuditRecord[] {
  try {
    using opened = openReadOnly(path)
    return hasOwnTables(opened.db) ? readableAudit(opened.db) : []
  } catch {
    return []
  }
}
