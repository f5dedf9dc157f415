import { constants, Database } from 'bun:sqlite'
import { encodePool } from '../../src/adapters/store/document/codec.ts'
import { addRecords } from '../../src/adapters/store/history/history-writes.ts'
import type { Pool, UsageRecord } from '../../src/domain/pool/model.ts'
import type { TestPool } from './pool.ts'

/** The stored pool document, read without the program. */
export function storedPool(pool: Pick<TestPool, 'database'>): Pool {
  return withDatabase(pool, (db) => {
    const row = db.query<{ document: string }, []>('SELECT document FROM pool').get()
    if (row === null) throw new Error('there is no pool')
    return JSON.parse(row.document)
  })
}

/** Replaces the stored document by the result of `change`, without a checksum, as an edit by hand does. */
export function changeStoredPool(pool: Pick<TestPool, 'database'>, change: (document: Pool) => object): void {
  const document = JSON.stringify({ ...change(storedPool(pool)), checksum: undefined })
  withDatabase(pool, (db) => db.query('UPDATE pool SET document = ?').run(document))
}

/** Replaces the stored document as a hostile user would: with a valid checksum. */
export function forgeStoredPool(pool: Pick<TestPool, 'database'>, change: (document: Pool) => Pool): void {
  const { writtenAt, ...rest } = change(storedPool(pool))
  const document = encodePool(
    { ...rest, version: undefined, checksum: undefined, writtenAt } as Pool,
    writtenAt,
  )
  withDatabase(pool, (db) => db.query('UPDATE pool SET document = ?').run(document))
}

export interface StoredRecord {
  readonly reservation: string
  readonly gpu: number
  readonly uid: number
  readonly user: string
  readonly kind: string
  readonly started_at: number
  readonly ended_at: number
  readonly outcome: string
  readonly note: string | null
}

export function storedHistory(pool: Pick<TestPool, 'database'>): StoredRecord[] {
  return withDatabase(pool, (db) =>
    db.query<StoredRecord, []>('SELECT * FROM history ORDER BY started_at, reservation, gpu').all(),
  )
}

/** Writes usage records into the history. */
export function writeHistory(pool: Pick<TestPool, 'database'>, records: readonly UsageRecord[]): void {
  withDatabase(pool, (db) => db.transaction(() => addRecords(db, records))())
}

/** Opens the database without the program. The files `-wal` and `-shm` stay after it is closed. */
export function withDatabase<Result>(
  { database }: Pick<TestPool, 'database'>,
  use: (db: Database) => Result,
): Result {
  const db = new Database(database, { readwrite: true, create: false })
  try {
    db.run('PRAGMA busy_timeout = 10000')
    db.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1)
    return use(db)
  } finally {
    db.close()
  }
}
