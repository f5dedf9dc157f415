import { constants, type Database } from 'bun:sqlite'
import { CanhazgpuError } from '../../domain/errors.ts'
import { announceChange } from './changes.ts'
import { corrupt, tooNew, tooOld } from './document/damage.ts'
import { checkLog, MENDED_BY_ROOT, notInitialized } from './files/beside.ts'
import { type Guarded, openGuarded } from './locks/journal-guard.ts'
import { migrate } from './schema/migrate.ts'
import { MIGRATIONS } from './schema/migrations.ts'
import { checkSchema, LOST_VERSION, schemaFaults, versionOf } from './schema/schema.ts'
import { isBusy, isReadOnly, replaced, storeError } from './sqlite-errors.ts'

/**
 * Every commit is durable before it is announced: FULL syncs the log at each (sqlite.org/pragma.html). With a limit
 * to its size the log, which stays, is emptied by the last to close it; the next would write it back once more.
 */
export const DURABLE = 'PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 0'

interface ConnectOptions {
  /** How long SQLite may wait for a lock. */
  readonly waitMs: number
  /** Also sets up a database that has no tables yet. */
  readonly create?: boolean
}

/** The open database of a pool. Its methods throw what SQLite throws for a lock, and else a `CanhazgpuError`. */
export class Connection {
  readonly path: string
  readonly #open: Guarded
  readonly #db: Database
  #waitMs: number

  /** Opens the database and brings it to the present schema. Throws `pool-not-initialized` where it has none. */
  constructor(path: string, { waitMs, create = false }: ConnectOptions) {
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
      this.#prepare(create)
    } catch (cause) {
      const failure = this.#failure(cause)
      this.close()
      throw failure
    }
  }

  /** Runs the body in a transaction, in which the schema is compared before anything is read. */
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
      this.#checkPlace()
      this.#db.query('COMMIT').run()
      // What was read or written counts only if it is still the pool: others would be granted the same GPUs anew.
      this.#checkPlace()
      return result
    } catch (cause) {
      if (this.#db.inTransaction) this.#db.run('ROLLBACK')
      throw this.#failure(cause)
    }
  }

  close(): void {
    this.#open.close()
  }

  #prepare(create: boolean): void {
    const version = versionOf(this.#db)
    if (version > MIGRATIONS.length) throw tooNew(`schema version ${version}`)
    if (version === 0 && schemaFaults(this.#db, 0).length > 0) throw corrupt(LOST_VERSION)
    // Another process has made the file, but no tables yet.
    if (version === 0 && !create) throw notInitialized(this.path)
    const mode = this.#db.query<{ journal_mode: string }, []>('PRAGMA journal_mode').get()?.journal_mode
    if (mode !== 'wal') throw new WithoutLog(this.path)
    if (version < MIGRATIONS.length) this.#upgrade()
  }

  /**
   * Brings an older schema to the present one, unless another process is first; a newer one stays as it is. Waiters
   * and supervisors of the older version learn of it, so that they become the installed program.
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
      throw isReadOnly(cause) ? tooOld(this.path, cause) : cause
    }
    announceChange(this.path, [])
  }

  #wait(ms: number): void {
    if (ms === this.#waitMs) return
    this.#db.run(`PRAGMA busy_timeout = ${ms}`)
    this.#waitMs = ms
  }

  /** Throws where the path does not lead to the file that is open any more. */
  #checkPlace(): void {
    if (hasMoved(this.#db)) throw replaced(this.path)
  }

  /** A file that is taken away under SQLite looks to it like a disk that fails. */
  #failure(cause: unknown): unknown {
    if (isBusy(cause) || !isSqlite(cause)) return cause
    return hasMoved(this.#db) ? replaced(this.path) : storeError(this.path, cause)
  }
}

/** The database is one without a write-ahead log: a copy that `VACUUM INTO` made, for example. */
export class WithoutLog extends CanhazgpuError {
  constructor(path: string) {
    super(
      'store-unavailable',
      `The pool ${path} cannot be opened: it has no write-ahead log, as a back-up may have none`,
      {
        hint: MENDED_BY_ROOT,
      },
    )
  }
}

function hasMoved(db: Database): boolean {
  // SQLite writes an `int`; Bun takes nothing shorter than 8 bytes.
  const answer = new Int32Array(2)
  db.fileControl(constants.SQLITE_FCNTL_HAS_MOVED, answer)
  return answer[0] !== 0
}

const isSqlite = (cause: unknown): boolean => cause instanceof Error && cause.name === 'SQLiteError'
