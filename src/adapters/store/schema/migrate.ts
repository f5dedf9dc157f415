import type { Database } from 'bun:sqlite'
import { upgradedDocument } from '../document/codec.ts'
import { MIGRATIONS } from './migrations.ts'

/** Upgrades the schema from this version, and the document in it, to the current one. Call it in a transaction. */
export function migrate(db: Database, version: number): void {
  for (const migration of MIGRATIONS.slice(version)) db.run(migration)
  const row = db.query<{ document: unknown }, []>('SELECT document FROM pool').get()
  const upgraded = row === null ? null : upgradedDocument(row.document)
  if (upgraded !== null) db.query('UPDATE pool SET document = ?').run(upgraded)
  db.run(`PRAGMA user_version = ${MIGRATIONS.length}`)
}
