import type { Database } from 'bun:sqlite'
import { DURABLE } from '../connection.ts'
import { checkLog } from '../files/database-path.ts'
import { mayRepair } from '../files/repair.ts'
import { openGuarded } from '../locks/journal-guard.ts'
import { isBusy } from '../sqlite-errors.ts'
import { expectedSql, isRemovable, type SchemaFault, schemaFaults, versionOf } from './schema.ts'

/**
 * Drops foreign objects of the schema, and recreates our views, triggers and indexes that were changed or dropped. Our
 * tables stay, and nothing in the schema is executed. Does nothing for a user who is not an administrator, in a sound
 * schema, or if the schema has other faults.
 */
export function dropForeignSchema(path: string, waitMs: number): void {
  if (!mayRepair(path)) return
  checkLog(path)
  const { db, close } = openGuarded(path, { readonly: false, waitMs })
  try {
    db.run(DURABLE)
    if (faultsOf(db).length === 0) return
    db.transaction(() => {
      const version = versionOf(db)
      const faults = faultsOf(db)
      if (faults.every(isRemovable)) for (const fault of faults) repair(db, version, fault)
    }).immediate()
  } catch (cause) {
    // The next process that opens it reports the other faults.
    if (isBusy(cause)) throw cause
  } finally {
    close()
  }
}

function faultsOf(db: Database): readonly SchemaFault[] {
  const version = versionOf(db)
  return version === 0 ? [] : schemaFaults(db, version)
}

function repair(db: Database, version: number, { kind, type, name }: SchemaFault): void {
  // IF EXISTS: SQLite drops some tables together with their virtual table.
  if (kind !== 'missing') db.run(`DROP ${type} IF EXISTS main."${name.replaceAll('"', '""')}"`)
  const ours = kind === 'foreign' ? null : expectedSql(version, name)
  if (ours !== null) db.run(ours)
}
