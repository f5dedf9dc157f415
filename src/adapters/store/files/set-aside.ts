import type { Database } from 'bun:sqlite'
import { lstatSync, mkdtempSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import * as v from 'valibot'
import { OUTCOMES, type Pool, type UsageRecord } from '../../../domain/pool/model.ts'
import { type HistoryRow, recordOfRow, TERM_KINDS } from '../history/history-rows.ts'
import { fileProblems, poolIn } from '../schema/examination.ts'
import { openToLook } from '../schema/look.ts'
import { hasOwnTables } from '../schema/schema.ts'
import { isBusy, storeError } from '../sqlite-errors.ts'
import { refuseRenamable } from './fresh-folder.ts'
import { type Audience, audienceOf, syncFolders } from './pool-files.ts'

/** A damaged database that was moved out of the way, and what could be read of it. */
export interface Aside {
  readonly keptAs: string
  readonly pool: Pool | null
  readonly records: readonly UsageRecord[]
  /** Who may use it. */
  readonly audience: Audience | null
  readonly putBack: () => void
}

/**
 * Moves a damaged database out of the way, with its log. Null where there is none or nothing of it is damaged.
 * A process that has it open finds that it is not the pool any more, so it is read afterwards, when nobody writes to
 * it. It goes into a new folder whose name nobody can foresee or block, and which only we can write.
 */
export function setAsideDamaged(path: string, now: Date): Aside | null {
  try {
    return movedAside(path, now)
  } catch (cause) {
    throw isBusy(cause) ? cause : storeError(path, cause)
  }
}

function movedAside(path: string, now: Date): Aside | null {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return null
  if (fileProblems(path).every(({ kind }) => kind !== 'damage') && !isPoolDamaged(path)) return null
  const folder = dirname(path)
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '')
  refuseRenamable(path)
  const aside = mkdtempSync(`${path}.damaged-${time}-`)
  const keptAs = `${aside}/${basename(path)}`
  // A database without its log is never where others open it.
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
    // Somebody else was first: what was moved is theirs, and sound.
    putBack()
    return null
  }
  const audience = audienceOf(kept)
  return { keptAs, pool: readablePool(keptAs), records: readableRecords(keptAs), audience, putBack }
}

/** Where there is nothing to be moved, what is in its place goes all the same. */
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

/** Who ended what was not theirs, as far as that can be read. An older schema does not say. */
function readableActors(
  db: Database,
): ReadonlyMap<string, { readonly ended_by_uid: number; readonly ended_by: string }> {
  const actors = new Map<string, { ended_by_uid: number; ended_by: string }>()
  try {
    for (const row of db.query('SELECT reservation, gpu, uid, name FROM ended_by').iterate()) {
      if (!v.is(endedByRow, row)) continue
      actors.set(keyOf(row), { ended_by_uid: row.uid, ended_by: row.name })
      if (actors.size === MOST_HIDDEN) break
    }
  } catch {
    // The rest is not there, or hidden by a damaged page.
  }
  return actors
}

/** A damaged page hides a few dozen records; where so many in a row are hidden the rest is given up. */
const MOST_HIDDEN = 100_000

/** Row by row, past those that cannot be read. */
function readableRecords(path: string): readonly UsageRecord[] {
  const records: UsageRecord[] = []
  try {
    using look = openToLook(path)
    const { db } = look
    if (!hasOwnTables(db)) return []
    const actors = readableActors(db)
    const rowsAfter = db.query<HistoryRow & { rowid: number }, [number]>(
      'SELECT rowid, * FROM history NOT INDEXED WHERE rowid > ? ORDER BY rowid',
    )
    for (let last = 0, hidden = 0; hidden < MOST_HIDDEN; last++, hidden++) {
      try {
        for (const row of rowsAfter.iterate(last)) {
          // Pages that lead back to themselves would be read for ever.
          if (row.rowid <= last) return records
          if (v.is(historyRow, row)) records.push(recordOfRow({ ...row, ...actors.get(keyOf(row)) }))
          last = row.rowid
          hidden = 0
        }
        return records
      } catch {
        // The next row is hidden, or the one after it.
      }
    }
  } catch {
    // Nothing more of it can be read.
  }
  return records
}
