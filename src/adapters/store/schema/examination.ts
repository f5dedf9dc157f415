import type { Database } from 'bun:sqlite'
import { OUTCOMES, type Pool } from '../../../domain/pool/model.ts'
import { type Problem, poolFaults } from '../../../domain/pool/soundness.ts'
import { shortened } from '../../../domain/text/text.ts'
import { decodePool, decodeTurns } from '../document/codec.ts'
import { tooNew } from '../document/damage.ts'
import { examinePool } from '../document/examine-document.ts'
import { TERM_KINDS } from '../history/history-rows.ts'
import { isBusy, storeError } from '../sqlite-errors.ts'
import { MIGRATIONS } from './migrations.ts'
import { openReadOnly } from './read-only.ts'
import {
  hasOwnTables,
  isRemovable,
  LOST_VERSION,
  REMOVAL,
  type SchemaFault,
  schemaFaults,
  versionOf,
  wordsOf,
} from './schema.ts'

/** The most faults that SQLite reports. More would not help. */
const MOST_FAULTS = 5
const LONGEST_FAULT = 200

/** The schema version from which the sums by day have their current form. An upgrade replaces older sums. */
const SUMMED_SINCE = 3

const CREATES_NEW_POOL =
  "'sudo canhazgpu admin --gpus <count> --force' creates a new pool; it keeps the damaged files and the readable usage records"

/**
 * The faults of the file and its tables, history included, that make every transaction unsafe. The schema is checked
 * first, because a foreign one must not be executed. The integrity check comes next, because pages of a damaged file
 * may point back to earlier ones, so that reading them never ends. Throws `store-too-new`, and any error other than
 * damage that prevents reading the file.
 */
export function fileProblems(path: string): readonly Problem[] {
  let foreign: readonly SchemaFault[] = []
  const damages = damagesFound(path, () => {
    using opened = openReadOnly(path)
    const { db } = opened
    db.run('BEGIN')
    const version = versionOf(db)
    if (version > MIGRATIONS.length) throw tooNew(`schema version ${version}`)
    const differences = schemaFaults(db, version)
    if (version === 0) return differences.length === 0 ? integrityFaults(db) : [LOST_VERSION]
    foreign = differences.filter(isRemovable)
    const broken = differences.filter((fault) => !isRemovable(fault)).map(wordsOf)
    if (differences.length > 0) return broken
    const faults = integrityFaults(db)
    if (faults.length > 0) return faults
    return [...historyFaults(db), ...(version < SUMMED_SINCE ? [] : sumFaults(db))]
  })
  return [
    ...foreign.map(
      (fault): Problem => ({ kind: 'foreign', what: `${wordsOf(fault)} in ${path}`, remedy: REMOVAL }),
    ),
    ...damages,
  ]
}

const integrityFaults = (db: Database): readonly string[] =>
  db
    .query<{ integrity_check: string }, []>(`PRAGMA integrity_check(${MOST_FAULTS})`)
    .all()
    .flatMap((row) => (row.integrity_check === 'ok' ? [] : [row.integrity_check]))

/** The faults of the stored pool. Null if there is none yet. */
export function poolIn(
  path: string,
): { readonly pool: Pool | null; readonly problems: readonly Problem[] } | null {
  let pool: Pool | null = null
  let isThere = true
  const problems = damagesFound(path, () => {
    using opened = openReadOnly(path)
    const { db } = opened
    if (!hasOwnTables(db)) return []
    const row = db.query<{ turns: unknown; document: unknown }, []>('SELECT turns, document FROM pool').get()
    isThere = row !== null
    if (row === null) return []
    const examined = examinePool(String(row.document))
    const faults = poolFaults(examined)
    if (faults.length > 0) return faults
    decodePool(row.document)
    decodeTurns(row.turns)
    pool = examined
    return []
  })
  return isThere ? { pool, problems } : null
}

function historyFaults(db: Database): readonly string[] {
  const count = (what: string, query: string): readonly string[] => {
    const { n } = db.query<{ n: number }, []>(query).get() ?? { n: 0 }
    return n === 0 ? [] : [`usage records ${what}: ${n}`]
  }
  const [kinds, outcomes] = [TERM_KINDS, OUTCOMES].map((list) => list.map((each) => `'${each}'`).join(', '))
  return [
    ...count('that end before they start', 'SELECT count(*) AS n FROM history WHERE ended_at < started_at'),
    ...count(
      'with impossible values',
      `SELECT count(*) AS n FROM history
        WHERE gpu < 0 OR kind NOT IN (${kinds}) OR outcome NOT IN (${outcomes})`,
    ),
    ...count(
      'that exist twice',
      `SELECT count(*) AS n FROM (SELECT 1 FROM history NOT INDEXED GROUP BY reservation, gpu HAVING count(*) > 1)`,
    ),
  ]
}

function sumFaults(db: Database): readonly string[] {
  const differ = db
    .query(
      `SELECT day, user, uid, account, kind, sum(ms) FROM (
         SELECT day, user, uid, account, kind, ms FROM usage_by_day
         UNION ALL
         SELECT ended_at / 86400000, user, uid, account, kind, started_at - ended_at FROM history NOT INDEXED
       ) WHERE day >= ifnull((SELECT CASE WHEN json_valid(document) THEN document ->> '$.keptFrom' END
                                FROM pool), day * 86400000) / 86400000
       GROUP BY 1, 2, 3, 4, 5 HAVING sum(ms) <> 0`,
    )
    .all()
  return differ.length === 0 ? [] : [`sums of usage by day that differ from the records: ${differ.length}`]
}

/** The problems that the check finds, or the damage that prevents it. */
function damagesFound(path: string, check: () => readonly string[]): readonly Problem[] {
  const damage = (what: string): Problem => ({
    kind: 'damage',
    what: shortened(what, LONGEST_FAULT),
    remedy: CREATES_NEW_POOL,
  })
  try {
    return check().map(damage)
  } catch (cause) {
    if (isBusy(cause)) throw cause
    const error = storeError(path, cause)
    if (error.code !== 'store-corrupt') throw error
    return [damage(error.message)]
  }
}
