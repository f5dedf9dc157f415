import { writeNewFile } from '../files/new-files.ts'
import { whenUnlocked } from './locks/lock-wait.ts'
import { openReadOnly } from './schema/read-only.ts'
import { checkSchema } from './schema/schema.ts'
import { isBusy, storeError } from './sqlite-errors.ts'

/**
 * Writes the pool to a new file that only this account can read: one consistent state, while other processes use the
 * database. SQLite makes none of them wait for a reader, and a daemon neither.
 */
export function copyPool(database: string, file: string): Promise<string> {
  return writeNewFile(file, () => whenUnlocked(database, undefined, () => contentsOf(database)))
}

/** The pages of the database and of its log, as one file. */
function contentsOf(database: string): Uint8Array {
  try {
    using pool = openReadOnly(database)
    pool.db.run('BEGIN')
    checkSchema(pool.db, database)
    return pool.db.serialize()
  } catch (cause) {
    throw isBusy(cause) ? cause : storeError(database, cause)
  }
}
