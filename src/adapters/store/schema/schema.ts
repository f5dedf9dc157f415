import type { Database } from 'bun:sqlite'
import { CanhazgpuError } from '../../../domain/errors.ts'
import { printable, shortened } from '../../../domain/text/text.ts'
import { corrupt, laterSchema } from '../document/damage.ts'
import { expectedSchemas } from './expected-schema.ts' with { type: 'macro' }
import type { SchemaRow } from './expected-schema.ts'
import { MIGRATIONS } from './migrations.ts'

/** The schema is compared as one text, which takes SQLite half the time. No object can be named `sqlite_master`. */
const EXPECTED: readonly string[] = expectedSchemas(
  'SELECT json_group_array(json_array(type, name, tbl_name, sql)) FROM main.sqlite_master',
)
const IS_EXPECTED =
  'SELECT json_group_array(json_array(type, name, tbl_name, sql)) = ? AS same FROM main.sqlite_master'

/** SQLite's own tables, which ANALYZE and AUTOINCREMENT create. */
const OF_SQLITE: readonly string[] = [
  'CREATE TABLE sqlite_stat1(tbl,idx,stat)',
  'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)',
  'CREATE TABLE sqlite_sequence(name,seq)',
]

/** How an object of the schema differs from what the migrations create. */
export interface SchemaFault {
  readonly kind: 'foreign' | 'changed' | 'missing'
  readonly type: string
  readonly name: string
}

export function versionOf(db: Database): number {
  return db.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version ?? 0
}

/** Whether the schema is that of a version. Reads only the schema table, so nothing foreign is executed. */
const isExpected = (db: Database, version: number): boolean =>
  db.query<{ same: number }, [string]>(IS_EXPECTED).get(EXPECTED[version] ?? '')?.same === 1

/** The differences between the schema and that of a version. */
export function schemaFaults(db: Database, version: number): readonly SchemaFault[] {
  const rows = db.query('SELECT type, name, tbl_name, sql FROM main.sqlite_master').values()
  return differences(rows.map(textsOf), expectedRows(version))
}

const expectedRows = (version: number): readonly SchemaRow[] => JSON.parse(EXPECTED[version] ?? '[]')

/**
 * Call it first in every transaction. Throws `store-too-new`, `store-corrupt` for an older version or a changed table,
 * and `store-foreign` for a foreign object.
 */
export function checkSchema(db: Database, path: string, version = MIGRATIONS.length): void {
  const found = versionOf(db)
  if (found > MIGRATIONS.length) throw laterSchema(found)
  if (found !== version) throw corrupt(`its schema has version ${found}, not ${version}`)
  if (isExpected(db, version)) return
  const faults = schemaFaults(db, version)
  if (faults.length > 0) throw schemaError(path, faults)
}

function schemaError(path: string, faults: readonly SchemaFault[]): CanhazgpuError {
  const broken = faults.find((fault) => !isRemovable(fault))
  if (broken !== undefined) return corrupt(wordsOf(broken))
  return new CanhazgpuError(
    'store-foreign',
    `The pool ${path} contains objects that canhazgpu did not create: ${shortened(faults.map(wordsOf).join(', '), LONGEST)}`,
    { hint: REMOVAL },
  )
}

export const REMOVAL =
  "any 'sudo canhazgpu admin' command except --check removes it and keeps the reservations"

export const LOST_VERSION = 'the version of its schema is missing'

const LONGEST = 160

/** `foreign trigger slow`, safe to print. */
export const wordsOf = ({ kind, type, name }: SchemaFault): string =>
  printable(`${kind} ${shortened(type, 60)} ${shortened(name, 60)}`)

/**
 * Whether the object can be dropped, and recreated if it is ours, without changing the content of our tables. The type
 * becomes part of a statement, and a user who edits the file can write any text there.
 */
export function isRemovable({ kind, type, name }: SchemaFault): boolean {
  if (!['table', 'index', 'view', 'trigger'].includes(type)) return false
  return kind === 'foreign'
    ? !/^sqlite_(?!stat)/i.test(name)
    : type !== 'table' && !name.startsWith('sqlite_')
}

/** Whether the tables with records are ours, so that reading them executes nothing foreign. */
export function hasOwnTables(db: Database): boolean {
  const faults = schemaFaults(db, versionOf(db))
  return faults.every((fault) => fault.type !== 'table' || fault.kind === 'foreign')
}

/** The text that creates an object in this version of the schema. */
export const expectedSql = (version: number, name: string): string | null =>
  expectedRows(version).find((row) => row[1] === name)?.[3] ?? null

const textsOf = (row: unknown[]): SchemaRow => [
  String(row[0]),
  String(row[1]),
  String(row[2]),
  row[3] === null ? null : String(row[3]),
]

const isSame = (expected: SchemaRow, found: readonly unknown[] | undefined): boolean =>
  found !== undefined && expected.every((value, at) => value === found[at])

/** Ignores the order of the rows, because VACUUM changes it. */
function differences(found: readonly SchemaRow[], expected: readonly SchemaRow[]): readonly SchemaFault[] {
  const isOfSqlite = ([type, name, table, sql]: SchemaRow) =>
    type === 'table' && name === table && sql !== null && OF_SQLITE.includes(sql) && sql.includes(` ${name}(`)
  const added = found.filter((row) => !isOfSqlite(row) && !expected.some((each) => isSame(each, row)))
  const lost = expected.filter((each) => !found.some((row) => isSame(each, row)))
  return [
    ...added.map(([type, name]): SchemaFault => {
      const isOurs = expected.some((row) => row[0] === type && row[1] === name)
      return { kind: isOurs ? 'changed' : 'foreign', type, name }
    }),
    ...lost.flatMap(([type, name]): SchemaFault[] =>
      added.some((row) => row[0] === type && row[1] === name) ? [] : [{ kind: 'missing', type, name }],
    ),
    // A duplicate row: SQLite could use it instead of the first.
    ...found
      .filter((row, at) => found.findIndex((each) => isSame(each, row)) < at)
      .map(([type, name]): SchemaFault => ({ kind: 'foreign', type, name })),
  ]
}
