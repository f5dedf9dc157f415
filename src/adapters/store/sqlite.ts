import type { Database } from 'bun:sqlite'
import { CanhazgpuError } from '../../domain/errors.ts'
import type { AuditRecord } from '../../domain/ledger/audit.ts'
import type { RecordedHold, TimeRange } from '../../domain/ledger/recorded.ts'
import type { Moment, Pool, UsageRecord } from '../../domain/pool/model.ts'
import type { RecordedUsage } from '../../ports/ledger.ts'
import type { OpenedPool } from '../../ports/opened-pool.ts'
import type { OnPart } from '../../ports/progress.ts'
import type { Commit, Creation, Decide, LockPatience } from '../../ports/store.ts'
import type { Calls } from '../../ports/wakeups.ts'
import { announceChange, callsTo, poolChanges } from './changes.ts'
import { Connection, WithoutLog } from './connection.ts'
import { decodePool, decodeTurns, encodePool } from './document/codec.ts'
import { findDatabase, notInitialized } from './files/database-path.ts'
import type { Audience } from './files/pool-files.ts'
import { mayRepair, needsRepair } from './files/repair.ts'
import { firstKnownDay, removeFolded } from './history/folding.ts'
import { isRecorded, newestRecords, visitTimes } from './history/history-queries.ts'
import { addAudit, addRecords, writeSum } from './history/history-writes.ts'
import { recordedUsage } from './history/recorded-usage.ts'
import { whenUnlocked } from './locks/lock-wait.ts'
import { creationError, storeError } from './sqlite-errors.ts'

export interface SqliteOptions {
  readonly path: string
  readonly now: () => Moment
  /** Used only while the store is opened. */
  readonly patience?: LockPatience
  /** False: throws `store-too-old` for the pool of an older version, instead of upgrading it. */
  readonly upgrades?: boolean
}

/** Opens the pool of this host. Throws `pool-not-initialized` if there is no database yet. */
export async function openSqliteStore({ path: named, now, ...options }: SqliteOptions): Promise<OpenedPool> {
  const path = findDatabase(named)
  try {
    return new SqliteStore(await connect(path, options), now)
  } catch (cause) {
    throw storeError(path, cause)
  }
}

async function connect(
  path: string,
  { patience, upgrades = true }: Pick<SqliteOptions, 'patience' | 'upgrades'>,
): Promise<Connection> {
  if (needsRepair(path)) {
    const { repairFiles } = await import('./files/pool-files.ts')
    repairFiles(path)
  }
  const open = () => whenUnlocked(path, patience, (waitMs) => new Connection(path, { waitMs, upgrades }))
  try {
    return await open()
  } catch (error) {
    if (!(error instanceof WithoutLog) || !mayRepair(path)) throw error
    const { addLog } = await import('./files/create.ts')
    await addLog(path)
    return open()
  }
}

/** Opens the database for `admin`; creates it or upgrades its schema for the audience if necessary. */
export async function createSqliteStore(
  { path, now }: SqliteOptions,
  audience: Audience,
): Promise<OpenedPool> {
  try {
    const { createPool } = await import('./files/create.ts')
    await createPool(path, audience)
    return await openSqliteStore({ path, now })
  } catch (cause) {
    throw creationError(path, cause)
  }
}

/** How long a decision stays valid without another commit: processes may exit, and reservations expire. */
const VALID_FOR_MS = 100

interface Writing {
  readonly before: Pool | null
  readonly moment: Moment
  readonly onPart?: OnPart | undefined
}

class SqliteStore implements OpenedPool {
  readonly #connection: Connection
  readonly #now: () => Moment
  readonly #patience: LockPatience | undefined
  /** The last document read: an unchanged document is not decoded again. */
  #decoded: { readonly document: string; readonly pool: Pool } | undefined

  /** The waiters to wake once the last commit is visible. */
  #wake: readonly string[] = []

  constructor(connection: Connection, now: () => Moment, patience?: LockPatience) {
    this.#connection = connection
    this.#now = now
    this.#patience = patience
  }

  async load() {
    return this.#reading((db) => ({ pool: this.#existing(db), moment: this.#now() }))
  }

  /**
   * Decides on a snapshot first. A decision that changes nothing (most refusals) needs no lock, and is as valid as one
   * made under the lock. Any other decision is written if the pool is still unchanged under the lock and the decision
   * is recent. Otherwise it is made again under the lock.
   */
  async update<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer> {
    if (typeof change !== 'function') return this.#create(change)
    const { snapshot, decidedAt, decision } = await this.#reading((db) => {
      const pool = this.#existing(db)
      const moment = this.#now()
      return { snapshot: pool, decidedAt: moment, decision: change(pool, moment) }
    })
    if (decision.pool === snapshot && decision.records.length === 0) return decision.answer
    return this.#writing((db) => {
      const pool = this.#existing(db)
      const moment = this.#now()
      const isStillValid = pool === snapshot && moment.steady.ms - decidedAt.steady.ms < VALID_FOR_MS
      return isStillValid
        ? this.#write(db, { before: pool, moment: decidedAt }, decision)
        : this.#write(db, { before: pool, moment }, change(pool, moment))
    })
  }

  #create<Answer>({ create, onPart }: Creation<Answer>): Promise<Answer> {
    return this.#writing((db) => {
      const pool = this.#replaceable(db)
      const moment = this.#now()
      return this.#write(db, { before: pool, moment, onPart }, create(pool, moment))
    })
  }

  async turns(): Promise<readonly string[]> {
    return this.#reading((db) => {
      const row = db.query<{ turns: string }, []>('SELECT turns FROM pool').get()
      return row === null ? [] : decodeTurns(row.turns)
    })
  }

  async history(range: TimeRange, most?: number): Promise<readonly UsageRecord[]> {
    return this.#reading((db) => newestRecords(db, range, most))
  }

  async visitTimes(range: TimeRange, visit: (time: RecordedHold) => void): Promise<void> {
    await this.#reading((db) => visitTimes(db, range, visit))
  }

  async usage(range: TimeRange, reservations: readonly string[]): Promise<RecordedUsage> {
    return this.#reading((db) =>
      recordedUsage(db, { range, reservations, knownFrom: firstKnownDay(this.#existing(db)) }),
    )
  }

  async isRecorded(reservation: string): Promise<boolean> {
    return this.#reading((db) => isRecorded(db, reservation))
  }

  async audit(most: number): Promise<readonly AuditRecord[]> {
    const { newestAudit } = await import('./history/audit-rows.ts')
    return this.#reading((db) => newestAudit(db, most))
  }

  changes(signal: AbortSignal): AsyncIterable<void> {
    return poolChanges(this.#connection.path, signal)
  }

  calls(entry: string): Calls {
    return callsTo(this.#connection.path, entry)
  }

  bounded(patience: LockPatience): OpenedPool {
    return new SqliteStore(this.#connection, this.#now, patience)
  }

  close(): void {
    this.#connection.close()
  }

  #reading<Result>(body: (db: Database) => Result): Promise<Result> {
    return this.#unlocked((waitMs) => this.#connection.transaction({ writes: false, waitMs }, body))
  }

  #writing<Result>(body: (db: Database) => Result): Promise<Result> {
    return this.#unlocked((waitMs) => {
      const result = this.#connection.transaction({ writes: true, waitMs }, body)
      announceChange(this.#connection.path, this.#wake)
      return result
    })
  }

  #unlocked<Result>(attempt: (waitMs: number) => Result): Promise<Result> {
    return whenUnlocked(this.#connection.path, this.#patience, attempt)
  }

  #stored(db: Database): Pool | null {
    const row = db.query<{ document: string }, []>('SELECT document FROM pool').get()
    if (row === null) return null
    if (this.#decoded?.document !== row.document) {
      this.#decoded = { document: row.document, pool: decodePool(row.document) }
    }
    return this.#decoded.pool
  }

  /** The pool that a new one replaces. Null if there is none, or it is too damaged to read. */
  #replaceable(db: Database): Pool | null {
    try {
      return this.#stored(db)
    } catch (error) {
      if (error instanceof CanhazgpuError && error.code === 'store-corrupt') return null
      throw error
    }
  }

  #existing(db: Database): Pool {
    const pool = this.#stored(db)
    if (pool === null) throw notInitialized(this.#connection.path)
    return pool
  }

  /** The pool gets the time of the decision. With a later time, a clock change in between would never be corrected. */
  #write<Answer>(
    db: Database,
    { before, moment, onPart }: Writing,
    { pool, records, sums = [], audit = [], wake, answer }: Commit<Answer>,
  ): Answer {
    if (pool !== before) {
      this.#wake = wake
      db.query('INSERT OR REPLACE INTO pool (one, turns, document) VALUES (1, ?, ?)').run(
        JSON.stringify(wake),
        encodePool(pool, moment),
      )
    }
    for (const sum of sums) writeSum(db, sum)
    addRecords(db, records, { keptFrom: pool.keptFrom, onPart })
    addAudit(db, audit)
    if (records.length + audit.length > 0) removeFolded(db, pool)
    return answer
  }
}
