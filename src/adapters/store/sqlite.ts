import { constants, Database } from 'bun:sqlite'
import { CanhazgpuError } from '../../domain/errors.ts'
import { healed } from '../../domain/healed-store.ts'
import { servableEntries } from '../../domain/line.ts'
import type { Moment, Pool, UsageRecord } from '../../domain/model.ts'
import type {
  Decide,
  Decision,
  LineCalls,
  RecordedTime,
  RecordedUsage,
  Store,
  TimeRange,
} from '../../domain/ports.ts'
import { ENOENT, ENOTDIR, effectiveUid, errorText, findPath, ownerOf } from '../os/libc.ts'
import { isStopped } from '../os/processes.ts'
import { announceChange, lineCalls, poolChanges } from './changes.ts'
import { decodePool, decodeTurns, encodePool, tooNew } from './codec.ts'
import { newestRecords, visitTimes } from './history-queries.ts'
import { rowOfRecord } from './history-rows.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Audience } from './pool-files.ts'
import { recordedUsage } from './recorded-usage.ts'
import { storeError } from './sqlite-errors.ts'

/** Hundreds of processes at once are served in a second; longer than this nobody should hold the lock. */
const LOCK_WAIT_MS = 30_000

export interface SqliteOptions {
  readonly path: string
  readonly now: () => Moment
}

/** Opens the pool of this host. Throws `pool-not-initialized` where there is no database yet. */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  findDatabase(options.path)
  if (effectiveUid() === 0 && hasForeignLog(options.path)) {
    const { ownLog } = await import('./pool-files.ts')
    ownLog(options.path)
  }
  const db = connect(options.path)
  if (versionOf(db) > 0) return healed(new SqliteStore(db, options))
  // Another process has made the file, but no tables yet.
  db.close()
  throw notInitialized()
}

/** Throws where there is no database, or none that we may see. */
export function findDatabase(path: string): void {
  const failure = findPath(path)
  if (failure !== 0) throw missing(path, failure)
}

/** Opens the database for `admin`, created and brought to the present schema for the audience if need be. */
export async function createSqliteStore(options: SqliteOptions, audience: Audience): Promise<Store> {
  const { createPoolFile, sharePoolFiles } = await import('./pool-files.ts')
  try {
    createPoolFile(options.path, audience)
    const db = connect(options.path)
    db.run('PRAGMA journal_mode = WAL')
    migrate(db)
    sharePoolFiles(options.path, audience)
    return healed(new SqliteStore(db, options))
  } catch (cause) {
    throw storeError(options.path, cause)
  }
}

class SqliteStore implements Store {
  readonly #db: Database
  readonly #path: string
  readonly #now: () => Moment
  /** The last document read, so that one that did not change is not decoded again. */
  #decoded: { readonly document: string; readonly pool: Pool } | undefined

  #turnsWritten: readonly string[] = []

  constructor(db: Database, options: SqliteOptions) {
    this.#db = db
    this.#path = options.path
    this.#now = options.now
  }

  async read() {
    return this.#guard(() => ({ pool: this.#present(), moment: this.#now() }))
  }

  /**
   * Decides on a snapshot first: what changes nothing (most refusals) then needs no lock, and is as true
   * as if it had been decided under one.
   */
  async update<Result>(decide: Decide<Result>): Promise<Result> {
    return this.#guard(() => {
      const seen = this.#present()
      const first = decide(seen, this.#now())
      if (first.pool === seen && first.ended.length === 0) return first.result
      return this.#transaction(() => {
        const pool = this.#present()
        const moment = this.#now()
        return this.#commit({ before: pool, moment }, decide(pool, moment))
      })
    })
  }

  async initialize<Result>(decide: (pool: Pool | null, moment: Moment) => Decision<Result>): Promise<Result> {
    return this.#guard(() =>
      this.#transaction(() => {
        const pool = this.#readable()
        const moment = this.#now()
        return this.#commit({ before: pool, moment }, decide(pool, moment))
      }),
    )
  }

  async turns(): Promise<readonly string[]> {
    return this.#guard(() => {
      const row = this.#db.query<{ turns: string }, []>('SELECT turns FROM pool').get()
      return row === null ? [] : decodeTurns(row.turns)
    })
  }

  async history(range: TimeRange, most?: number): Promise<readonly UsageRecord[]> {
    return this.#guard(() => newestRecords(this.#db, range, most))
  }

  async visitTimes(range: TimeRange, visit: (time: RecordedTime) => void): Promise<void> {
    this.#guard(() => visitTimes(this.#db, range, visit))
  }

  async usage(range: TimeRange, reservations: readonly string[]): Promise<RecordedUsage> {
    return this.#guard(() => recordedUsage(this.#db, range, reservations))
  }

  changes(signal: AbortSignal): AsyncIterable<void> {
    return poolChanges(this.#path, signal)
  }

  lineCalls(entry: string): LineCalls {
    return lineCalls(this.#path, entry)
  }

  close(): void {
    this.#db.close()
  }

  #stored(): Pool | null {
    const row = this.#db.query<{ document: string }, []>('SELECT document FROM pool').get()
    if (row === null) return null
    if (this.#decoded?.document !== row.document) {
      this.#decoded = { document: row.document, pool: decodePool(row.document) }
    }
    return this.#decoded.pool
  }

  /** A pool that is damaged beyond reading is none to whoever starts afresh. */
  #readable(): Pool | null {
    try {
      return this.#stored()
    } catch (error) {
      if (error instanceof CanhazgpuError && error.code === 'store-corrupt') return null
      throw error
    }
  }

  #present(): Pool {
    const pool = this.#stored()
    if (pool === null) throw notInitialized()
    return pool
  }

  /** Stamped with the moment of the decision: a clock set in between would otherwise never be healed. */
  #commit<Result>(
    { before, moment }: { readonly before: Pool | null; readonly moment: Moment },
    decision: Decision<Result>,
  ): Result {
    if (decision.pool !== before) {
      this.#turnsWritten = servableEntries(decision.pool, { now: moment.wall, stopped: isStopped })
      const turns = JSON.stringify(this.#turnsWritten)
      this.#db
        .query('INSERT OR REPLACE INTO pool (one, turns, document) VALUES (1, ?, ?)')
        .run(turns, encodePool(decision.pool, moment))
    }
    for (const record of decision.ended) {
      this.#db
        .query('INSERT OR IGNORE INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
        .run(...rowOfRecord(record))
    }
    return decision.result
  }

  #transaction<Result>(body: () => Result): Result {
    this.#db.run('BEGIN IMMEDIATE')
    try {
      const result = body()
      this.#checkPlace()
      this.#db.run('COMMIT')
      announceChange(this.#path, this.#turnsWritten)
      return result
    } catch (error) {
      if (this.#db.inTransaction) this.#db.run('ROLLBACK')
      throw error
    }
  }

  /** Throws where the path does not lead to the file that is open any more. */
  #checkPlace(): void {
    if (hasMoved(this.#db)) throw replaced(this.#path)
  }

  /** What was read or written counts only if it is the pool still: others would be granted the same GPUs anew. */
  #guard<Result>(body: () => Result): Result {
    try {
      const result = body()
      this.#checkPlace()
      return result
    } catch (cause) {
      throw isSqlite(cause) ? failed(this.#db, this.#path, cause) : cause
    }
  }
}

function hasMoved(db: Database): boolean {
  // SQLite writes an `int`; Bun takes nothing shorter than 8 bytes.
  const answer = new Int32Array(2)
  db.fileControl(constants.SQLITE_FCNTL_HAS_MOVED, answer)
  return answer[0] !== 0
}

/** A file that is taken away under SQLite looks to it like a disk that fails. */
function failed(db: Database, path: string, cause: unknown): CanhazgpuError {
  return hasMoved(db) ? replaced(path) : storeError(path, cause)
}

function replaced(path: string): CanhazgpuError {
  return new CanhazgpuError('store-unavailable', `The pool ${path} was removed or replaced meanwhile`, {
    hint: 'try again',
  })
}

/**
 * Every commit is durable before it is announced: FULL syncs the log at each (sqlite.org/pragma.html). With a limit
 * to its size the log, which stays, is emptied by the last to close it; the next would write it back once more.
 */
const SETTINGS = `
  PRAGMA busy_timeout = ${LOCK_WAIT_MS};
  PRAGMA synchronous = FULL;
  PRAGMA journal_size_limit = 0`

function connect(path: string): Database {
  const db = openFile(path)
  try {
    db.run(SETTINGS)
    db.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1)
    if (versionOf(db) > 0) migrate(db)
    const version = versionOf(db)
    if (version > MIGRATIONS.length) throw tooNew(`schema version ${version}`)
    return db
  } catch (cause) {
    throw failed(db, path, cause)
  }
}

function openFile(path: string): Database {
  try {
    return new Database(path, { readwrite: true, create: false, strict: true })
  } catch (cause) {
    throw storeError(path, cause)
  }
}

/** Brings an older schema to the present one, unless another process is first; a newer one stays as it is. */
function migrate(db: Database): void {
  if (versionOf(db) >= MIGRATIONS.length) return
  db.transaction(() => {
    const version = versionOf(db)
    if (version >= MIGRATIONS.length) return
    for (const migration of MIGRATIONS.slice(version)) db.run(migration)
    db.run(`PRAGMA user_version = ${MIGRATIONS.length}`)
  }).immediate()
}

function versionOf(db: Database): number {
  return db.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version ?? 0
}

function isSqlite(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'SQLiteError'
}

export function notInitialized(): CanhazgpuError {
  return new CanhazgpuError(
    'pool-not-initialized',
    "GPU pool not initialized - run 'canhazgpu admin --gpus <count>' first",
  )
}

/** Whether somebody else than the owner of the database made one of SQLite's files: see `ownLog`. */
function hasForeignLog(path: string): boolean {
  const owner = ownerOf(path)
  return ['-wal', '-shm'].map((ending) => ownerOf(path + ending)).some((uid) => uid >= 0 && uid !== owner)
}

/** A file that cannot be seen is missing, or in a folder that is closed to us. */
function missing(path: string, failure: number): CanhazgpuError {
  if (failure === -ENOENT || failure === -ENOTDIR) return notInitialized()
  return storeError(path, Object.assign(new Error(errorText(-failure)), { code: 'EACCES' }))
}
