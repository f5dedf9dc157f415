import type { Checkup } from '../../../domain/pool/soundness.ts'
import { accessProblems, unopenableFiles } from '../files/access.ts'
import { findDatabase, notInitialized } from '../files/database-path.ts'
import { unreadableAudit } from '../history/audit-rows.ts'
import { whenUnlocked } from '../locks/lock-wait.ts'
import { storeError } from '../sqlite-errors.ts'
import { fileProblems, poolIn } from './examination.ts'
import { openReadOnly, withReadablePath } from './read-only.ts'
import { versionOf } from './schema.ts'

/**
 * Checks the file, the tables, the pool by all its rules, the history and the access rights. Changes nothing. Throws
 * `pool-not-initialized`, `store-too-new`, and any error that prevents the check.
 */
export async function checkUp(named: string): Promise<Checkup> {
  const path = findDatabase(named)
  try {
    const access = accessProblems(path)
    // SQLite must not open these files.
    if (unopenableFiles(path).length > 0) return { path, problems: access }
    const { problems, ...rest } = await whenUnlocked(path, undefined, () =>
      withReadablePath(path, (readable) => checkContents(readable)),
    )
    return { path, problems: [...problems, ...access], ...rest }
  } catch (cause) {
    throw storeError(path, cause)
  }
}

function checkContents(path: string): Omit<Checkup, 'path'> {
  const damage = fileProblems(path)
  if (damage.length > 0) return { problems: damage }
  const stored = poolIn(path)
  if (stored === null) throw notInitialized(path)
  const { pool, problems } = stored
  if (pool === null) return { problems }
  return {
    problems,
    pool,
    counts: {
      gpus: pool.units.length,
      reservations: pool.reservations.length,
      waiting: pool.queue.length,
      ...countsIn(path),
    },
  }
}

/** The schema version that added the changes of administrators. */
const AUDITED_SINCE = 5

/** No decision reads the changes of administrators, so nonsense in them damages nothing. */
function countsIn(path: string): Pick<NonNullable<Checkup['counts']>, 'records' | 'unreadableChanges'> {
  using opened = openReadOnly(path)
  const { db } = opened
  const unreadable = versionOf(db) < AUDITED_SINCE ? 0 : unreadableAudit(db)
  return {
    records: db.query<{ n: number }, []>('SELECT count(*) AS n FROM history').get()?.n ?? 0,
    ...(unreadable === 0 ? {} : { unreadableChanges: unreadable }),
  }
}
