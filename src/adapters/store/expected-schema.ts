import { Database } from 'bun:sqlite'
import { MIGRATIONS } from './migrations.ts'

/** One row of `sqlite_schema`: type, name, table, and the text that created it (null for the index of a constraint). */
export type SchemaRow = readonly [type: string, name: string, table: string, sql: string | null]

/** The rows of `sqlite_schema` after each migration, by version. Runs as a macro: when the executable is built. */
export function expectedSchemas(): readonly (readonly SchemaRow[])[] {
  const db = new Database(':memory:')
  const schema = () =>
    db.query('SELECT type, name, tbl_name, sql FROM sqlite_master').values() as unknown as SchemaRow[]
  const schemas = [schema()]
  for (const migration of MIGRATIONS) {
    db.run(migration)
    schemas.push(schema())
  }
  db.close()
  return schemas
}
