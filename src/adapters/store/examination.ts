import { Database } from 'bun:sqlite'
import { OUTCOMES, type Pool } from '../../domain/model.ts'
import { type Problem, poolFaults } from '../../domain/soundness.ts'
import { shortened } from '../../domain/text.ts'
import { decodePool, decodeTurns, examinePool, tooNew } from './codec.ts'
import { MIGRATIONS } from './migrations.ts'
import { storeError } from './sqlite-errors.ts'

/** SQLite finds one fault after another; this many tell enough. */
const MOST_FAULTS = 5
const LONGEST_FAULT = 200

const STARTS_AFRESH =
  "'sudo canhazgpu admin --gpus <count> --force' starts afresh; it keeps the damaged files, and what can be read of the usage records"

/** Opens a database to look at it, and changes nothing. */
export function openToLook(path: string): Database {
  const db = new Database(path, { readonly: true, strict: true })
  db.run('PRAGMA busy_timeout = 30000')
  return db
}

/**
 * What is wrong with the file and its tables, the history included: what no transaction can be built on. Throws
 * `store-too-new`, and whatever keeps the file from being read that is not its damage.
 */
export function fileProblems(path: string): readonly Problem[] {
  return damagesFound(path, () => {
    using db = openToLook(path)
    const faults = db
      .query<{ integrity_check: string }, []>(`PRAGMA integrity_check(${MOST_FAULTS})`)
      .all()
      .flatMap((row) => (row.integrity_check === 'ok' ? [] : [row.integrity_check]))
    const version = db.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version ?? 0
    if (version > MIGRATIONS.length) throw tooNew(`schema version ${version}`)
    const isEmpty = db.query('SELECT 1 FROM sqlite_schema').get() === null
    if (version === 0) return isEmpty ? faults : [...faults, 'its schema has lost its version']
    db.query('SELECT turns, document FROM pool').get()
    return [...faults, ...historyFaults(db), ...(version < MIGRATIONS.length ? [] : sumFaults(db))]
  })
}

/** What is wrong with the pool in it. Null where there is none yet. */
export function poolIn(
  path: string,
): { readonly pool: Pool | null; readonly problems: readonly Problem[] } | null {
  let pool: Pool | null = null
  let isThere = true
  const problems = damagesFound(path, () => {
    using db = openToLook(path)
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
  const outcomes = OUTCOMES.map((outcome) => `'${outcome}'`).join(', ')
  return [
    ...count('that end before they start', 'SELECT count(*) AS n FROM history WHERE ended_at < started_at'),
    ...count(
      'with values that none can have',
      `SELECT count(*) AS n FROM history
        WHERE gpu < 0 OR kind NOT IN ('run', 'manual') OR outcome NOT IN (${outcomes})`,
    ),
    ...count(
      'that stand there twice',
      `SELECT count(*) AS n FROM (SELECT 1 FROM history NOT INDEXED GROUP BY reservation, gpu HAVING count(*) > 1)`,
    ),
  ]
}

/** The sums of a schema that is older are made when it is next opened. */
function sumFaults(db: Database): readonly string[] {
  const differ = db
    .query(
      `SELECT day, user, account, kind, sum(ms) FROM (
         SELECT day, user, account, kind, ms FROM usage_by_day
         UNION ALL
         SELECT ended_at / 86400000, user, account, kind, started_at - ended_at FROM history NOT INDEXED
       ) GROUP BY 1, 2, 3, 4 HAVING sum(ms) <> 0`,
    )
    .all()
  return differ.length === 0
    ? []
    : [`sums of usage by day that are not those of the records: ${differ.length}`]
}

/** What the look finds, and what makes it impossible, as far as that is damage. */
function damagesFound(path: string, look: () => readonly string[]): readonly Problem[] {
  const damage = (what: string): Problem => ({
    kind: 'damage',
    what: shortened(what, LONGEST_FAULT),
    cure: STARTS_AFRESH,
  })
  try {
    return look().map(damage)
  } catch (cause) {
    const error = storeError(path, cause)
    if (error.code !== 'store-corrupt') throw error
    return [damage(error.message)]
  }
}
