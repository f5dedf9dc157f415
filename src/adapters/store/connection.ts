import { constants, type Database } from 'bun:sqlite'
import { CanhazgpuError } from '../../domain/errors.ts'
import { announceChange } from './changes.ts'
import { corrupt, laterSchema, tooOld } from './document/damage.ts'
import { checkLog, notInitialized, REPAIRED_BY_ROOT } from './files/database-path.ts'
import { type Guarded, openGuarded } from './locks/journal-guard.ts'
import { migrate } from './schema/migrate.ts'
import { MIGRATIONS } from './schema/migrations.ts'
import { checkSchema, LOST_VERSION, schemaFaults, versionOf } from './schema/schema.ts'
import { isBusy, isReadOnly, replaced, storeError } from './sqlite-errors.ts'

/**
 * Every commit is durable before it is announced: FULL syncs the log at each commit (sqlite.org/pragma.html). The log
 * file stays. With a size limit the last process that closes the database truncates it. Otherwise the next process
 * would write the same log into the database again.
 */
export const DURABLE = 'PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 0'

interface ConnectOptions {
  /** How long SQLite may wait for a lock. */
  readonly waitMs: number
  /** Also sets up a database that has no tables yet. */
  readonly create?: boolean
  /** False: throws `store-too-old` for an older schema. */
  readonly upgrades?: boolean
}

/**
 * The open database of a pool. Its methods throw SQLite's own error if the database is locked, and a `CanhazgpuError`
 * for any other failure.
 */
export class Connection {
  readonly path: string
  readonly #open: Guarded
  readonly #db: Database
  #waitMs: number

  /** Opens the database and upgrades it to the current schema. Throws `pool-not-initialized` if it has no tables. */
  constructor(path: string, { waitMs, create = false, upgrades = true }: ConnectOptions) {
    checkLog(path)
    this.path = path
    this.#waitMs = waitMs
    try {
      this.#open = openGuarded(path, { readonly: false, waitMs })
      this.#db = this.#open.db
    } catch (cause) {
      throw isBusy(cause) ? cause : storeError(path, cause)
    }
    try {
      this.#db.run(DURABLE)
      this.#prepare(create, upgrades)
    } catch (cause) {
      const failure = this.#failure(cause)
      this.close()
      throw failure
    }
  }

  /** Runs the body in a transaction that compares the schema before reading anything. */
  transaction<Result>(
    { writes, waitMs }: { readonly writes: boolean; readonly waitMs: number },
    body: (db: Database) => Result,
  ): Result {
    try {
      this.#open.checkLocks()
      this.#wait(waitMs)
      this.#db.query(writes ? 'BEGIN IMMEDIATE' : 'BEGIN').run()
      checkSchema(this.#db, this.path)
      const result = body(this.#db)
      this.#checkPath()
      this.#db.query('COMMIT').run()
      // A read or write counts only if the file is still the pool: otherwise the same GPUs could be granted twice.
      this.#checkPath()
      return result
    } catch (cause) {
      if (this.#db.inTransaction) this.#db.run('ROLLBACK')
      throw this.#failure(cause)
    }
  }

  close(): void {
    this.#open.close()
  }

  #prepare(create: boolean, upgrades: boolean): void {
    const version = versionOf(this.#db)
    if (version > MIGRATIONS.length) throw laterSchema(version)
    if (version === 0 && schemaFaults(this.#db, 0).length > 0) throw corrupt(LOST_VERSION)
    // Another process has created the file, but no tables yet.
    if (version === 0 && !create) throw notInitialized(this.path)
    if (version < MIGRATIONS.length && !upgrades) throw tooOld(this.path, 'kept')
    const mode = this.#db.query<{ journal_mode: string }, []>('PRAGMA journal_mode').get()?.journal_mode
    if (mode !== 'wal') throw new WithoutLog(this.path)
    if (version < MIGRATIONS.length) this.#upgrade()
  }

  /**
   * Upgrades an older schema to the current one, unless another process does it first. A newer one stays unchanged.
   * Wakes waiters and supervisors of the older version, so that they switch to the installed program.
   */
  #upgrade(): void {
    try {
      this.#db
        .transaction(() => {
          const version = versionOf(this.#db)
          if (version >= MIGRATIONS.length) return
          checkSchema(this.#db, this.path, version)
          migrate(this.#db, version)
        })
        .immediate()
    } catch (cause) {
      throw isReadOnly(cause) ? tooOld(this.path, 'read-only', cause) : cause
    }
    announceChange(this.path, [])
  }

  #wait(ms: number): void {
    if (ms === this.#waitMs) return
    this.#db.run(`PRAGMA busy_timeout = ${ms}`)
    this.#waitMs = ms
  }

  /** Throws if the path no longer leads to the open file. */
  #checkPath(): void {
    if (hasMoved(this.#db)) throw replaced(this.path)
  }

  /** SQLite reports a removed file as a failing disk. */
  #failure(cause: unknown): unknown {
    if (isBusy(cause) || !isSqlite(cause)) return cause
    return hasMoved(this.#db) ? replaced(this.path) : storeError(this.path, cause)
  }
}

/** The database has no write-ahead log, for example a copy made by `VACUUM INTO`. */
export class WithoutLog extends CanhazgpuError {
  constructor(path: string) {
    super(
      'store-unavailable',
      `The pool ${path} cannot be opened: it has no write-ahead log, like some backups`,
      {
        hint: REPAIRED_BY_ROOT,
      },
    )
  }
}

function hasMoved(db: Database): boolean {
  // SQLite writes an `int`, but Bun accepts nothing shorter than 8 bytes.
  const answer = new Int32Array(2)
  db.fileControl(constants.SQLITE_FCNTL_HAS_MOVED, answer)
  return answer[0] !== 0
}

const isSqlite = (cause: unknown): boolean => cause instanceof Error && cause.name === 'SQLiteError'
