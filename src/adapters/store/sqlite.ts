import type { Database } from 'bun:sqlite'
import { CanhazgpuError } from '../../domain/errors.ts'
import type { RecordedTime, TimeRange } from '../../domain/ledger/recorded.ts'
import type { Moment, Pool, UsageRecord } from '../../domain/pool/model.ts'
import { startableEntries } from '../../domain/schedule/startable.ts'
import type { Decide, Decision, LineCalls, LockPatience, RecordedUsage, Store } from '../../ports/ports.ts'
import { isStopped } from '../kernel/processes.ts'
import { announceChange, lineCalls, poolChanges } from './changes.ts'
import { Connection, WithoutLog } from './connection.ts'
import { decodePool, decodeTurns, encodePool } from './document/codec.ts'
import { findDatabase, notInitialized } from './files/beside.ts'
import { mayMend, needsMending } from './files/mending.ts'
import type { Audience } from './files/pool-files.ts'
import { healed } from './healed-store.ts'
import { newestRecords, visitTimes } from './history/history-queries.ts'
import { gpuColumn, rowOfRecord } from './history/history-rows.ts'
import { recordedUsage } from './history/recorded-usage.ts'
import { whenUnlocked } from './locks/lock-wait.ts'
import { storeError } from './sqlite-errors.ts'

export interface SqliteOptions {
  readonly path: string
  readonly now: () => Moment
  /** For opening alone. */
  readonly patience?: LockPatience
}

/** Opens the pool of this host. Throws `pool-not-initialized` where there is no database yet. */
export async function openSqliteStore({ path: named, now, patience }: SqliteOptions): Promise<Store> {
  const path = findDatabase(named)
  try {
    return healed(new SqliteStore(await connect(path, patience), now))
  } catch (cause) {
    throw storeError(path, cause)
  }
}

async function connect(path: string, patience: LockPatience | undefined): Promise<Connection> {
  if (needsMending(path)) {
    const { mendFiles } = await import('./files/pool-files.ts')
    mendFiles(path)
  }
  const open = () => whenUnlocked(path, patience, (waitMs) => new Connection(path, { waitMs }))
  try {
    return await open()
  } catch (error) {
    if (!(error instanceof WithoutLog) || !mayMend(path)) throw error
    const { giveLog } = await import('./files/create.ts')
    await giveLog(path)
    return open()
  }
}

/** Opens the database for `admin`, created and brought to the present schema for the audience if need be. */
export async function createSqliteStore({ path, now }: SqliteOptions, audience: Audience): Promise<Store> {
  try {
    const { createPool } = await import('./files/create.ts')
    await createPool(path, audience)
    return await openSqliteStore({ path, now })
  } catch (cause) {
    throw storeError(path, cause)
  }
}

class SqliteStore implements Store {
  readonly #connection: Connection
  readonly #now: () => Moment
  readonly #patience: LockPatience | undefined
  /** The last document read, so that one that did not change is not decoded again. */
  #decoded: { readonly document: string; readonly pool: Pool } | undefined

  #turnsWritten: readonly string[] = []

  constructor(connection: Connection, now: () => Moment, patience?: LockPatience) {
    this.#connection = connection
    this.#now = now
    this.#patience = patience
  }

  async read() {
    return this.#reading((db) => ({ pool: this.#present(db), moment: this.#now() }))
  }

  /**
   * Decides on a snapshot first: what changes nothing (most refusals) then needs no lock, and is as true
   * as if it had been decided under one.
   */
  async update<Result>(decide: Decide<Result>): Promise<Result> {
    const { unchanged, result } = await this.#reading((db) => {
      const seen = this.#present(db)
      const first = decide(seen, this.#now())
      return { unchanged: first.pool === seen && first.ended.length === 0, result: first.result }
    })
    if (unchanged) return result
    return this.#writing((db) => {
      const pool = this.#present(db)
      const moment = this.#now()
      return this.#write(db, { before: pool, moment }, decide(pool, moment))
    })
  }

  async initialize<Result>(decide: (pool: Pool | null, moment: Moment) => Decision<Result>): Promise<Result> {
    return this.#writing((db) => {
      const pool = this.#readable(db)
      const moment = this.#now()
      return this.#write(db, { before: pool, moment }, decide(pool, moment))
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

  async visitTimes(range: TimeRange, visit: (time: RecordedTime) => void): Promise<void> {
    await this.#reading((db) => visitTimes(db, range, visit))
  }

  async usage(range: TimeRange, reservations: readonly string[]): Promise<RecordedUsage> {
    return this.#reading((db) => recordedUsage(db, range, reservations))
  }

  changes(signal: AbortSignal): AsyncIterable<void> {
    return poolChanges(this.#connection.path, signal)
  }

  lineCalls(entry: string): LineCalls {
    return lineCalls(this.#connection.path, entry)
  }

  bounded(patience: LockPatience): Store {
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
      announceChange(this.#connection.path, this.#turnsWritten)
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

  /** A pool that is too damaged to be read counts as none when a new one is set up. */
  #readable(db: Database): Pool | null {
    try {
      return this.#stored(db)
    } catch (error) {
      if (error instanceof CanhazgpuError && error.code === 'store-corrupt') return null
      throw error
    }
  }

  #present(db: Database): Pool {
    const pool = this.#stored(db)
    if (pool === null) throw notInitialized()
    return pool
  }

  /** Stamped with the moment of the decision: a clock set in between would otherwise never be healed. */
  #write<Result>(
    db: Database,
    { before, moment }: { readonly before: Pool | null; readonly moment: Moment },
    decision: Decision<Result>,
  ): Result {
    if (decision.pool !== before) {
      this.#turnsWritten = startableEntries(decision.pool, { now: moment.wall, stopped: isStopped }).map(
        ({ id }) => id,
      )
      const turns = JSON.stringify(this.#turnsWritten)
      db.query('INSERT OR REPLACE INTO pool (one, turns, document) VALUES (1, ?, ?)').run(
        turns,
        encodePool(decision.pool, moment),
      )
    }
    for (const record of decision.ended) {
      db.query('INSERT OR IGNORE INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
        ...rowOfRecord(record),
      )
      if (record.endedBy === undefined) continue
      const { uid, name } = record.endedBy
      db.query('INSERT OR IGNORE INTO ended_by VALUES (?, ?, ?, ?)').run(
        record.reservation,
        gpuColumn(record.unit),
        uid,
        name,
      )
    }
    return decision.result
  }
}
