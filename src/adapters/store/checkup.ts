import type { Checkup } from '../../domain/soundness.ts'
import { accessProblems } from './access.ts'
import { fileProblems, openToLook, poolIn } from './examination.ts'
import { findDatabase, notInitialized } from './sqlite.ts'
import { storeError } from './sqlite-errors.ts'

/**
 * Looks the pool over and changes nothing: file and tables, the pool by all its rules, the history, and who may
 * use the files. Throws `pool-not-initialized`, `store-too-new`, and what keeps it from being looked at.
 */
export function checkUp(path: string): Checkup {
  findDatabase(path)
  try {
    return lookOver(path)
  } catch (cause) {
    throw storeError(path, cause)
  }
}

function lookOver(path: string): Checkup {
  // First, for SQLite gives an empty log the mode of its database as soon as it is opened.
  const access = accessProblems(path)
  const damage = fileProblems(path)
  if (damage.length > 0) return { path, problems: [...damage, ...access] }
  const stored = poolIn(path)
  if (stored === null) throw notInitialized()
  const { pool, problems } = stored
  return {
    path,
    problems: [...problems, ...access],
    ...(pool === null
      ? {}
      : {
          counts: {
            gpus: pool.gpus.length,
            reservations: pool.reservations.length,
            waiting: pool.queue.length,
            records: recordsIn(path),
          },
        }),
  }
}

function recordsIn(path: string): number {
  using db = openToLook(path)
  return db.query<{ n: number }, []>('SELECT count(*) AS n FROM history').get()?.n ?? 0
}
