import { Database } from 'bun:sqlite'
import { MIGRATIONS } from './migrations.ts'

/** One row of `sqlite_schema`: type, name, table, and the text that created it (null for the index of a constraint). */
export type SchemaRow = readonly [type: string, name: string, table: string, sql: string | null]

/**
 * The contents of `sqlite_schema` after each migration, by version, as `ALL_ROWS` of schema.ts selects them. Runs as a
 * macro when the executable is built.
 */
export function expectedSchemas(allRows: string): readonly string[] {
  const db = new Database(':memory:')
  const schema = () => String(db.query(allRows).values()[0]?.[0])
  const schemas = [schema()]
  for (const migration of MIGRATIONS) {
    db.run(migration)
    schemas.push(schema())
  }
  db.close()
  return schemas
}
