import { Database } from 'bun:sqlite'
import { readdirSync, readFileSync } from 'node:fs'
import { type Entry, type JobEntry, paths } from '../log.ts'

/** A row of the table `history`: one GPU of one ended reservation. */
export interface HistoryRow {
  readonly reservation: string
  readonly gpu: number
  readonly user: string
  readonly uid: number
  readonly kind: string
  readonly started_at: number
  readonly ended_at: number
  readonly outcome: string
  readonly note: string | null
}

/** A change by the administrator, and the time of the transaction. */
export interface AuditRow {
  readonly at: number
  readonly change: Change
}

export type Change =
  | {
      readonly kind: 'rule'
      readonly key: string
      readonly scope: { readonly kind: 'pool' } | { readonly kind: 'account'; readonly uid: number }
      readonly before: number | null
      readonly after: number | null
    }
  | { readonly kind: 'drain' | 'restore'; readonly units: readonly string[] }
  | { readonly kind: 'set-up' }

/** The logs of a round, and the store after its end. */
export interface Evidence {
  readonly entries: readonly Entry[]
  /** By command. */
  readonly jobs: ReadonlyMap<string, readonly JobEntry[]>
  readonly history: readonly HistoryRow[]
  /** In the order of the transactions. */
  readonly audit: readonly AuditRow[]
  readonly pool: {
    readonly reservations: readonly unknown[]
    readonly queue: readonly unknown[]
    readonly bookings?: readonly unknown[]
  }
  /** The answer of SQLite's integrity check; `ok` if the file is undamaged. */
  readonly integrity: string
}

export function readEvidence({ folder, database }: { folder: string; database: string }): Evidence {
  const { log, jobs } = paths(folder)
  const db = new Database(database, { readwrite: true, create: false })
  try {
    const pool = db.query<{ document: string }, []>('SELECT document FROM pool').get()
    return {
      entries: readLines<Entry>(log),
      jobs: new Map(readdirSync(jobs).map((name) => [name, readLines<JobEntry>(`${jobs}/${name}`)])),
      history: db.query<HistoryRow, []>('SELECT * FROM history').all(),
      audit: db
        .query<{ at: number; change: string }, []>('SELECT at, change FROM audit ORDER BY id')
        .all()
        .map(({ at, change }) => ({ at, change: JSON.parse(change) })),
      pool: JSON.parse(pool?.document ?? '{"reservations":[],"queue":[]}'),
      integrity:
        db.query<{ integrity_check: string }, []>('PRAGMA integrity_check').get()?.integrity_check ?? '',
    }
  } finally {
    db.close()
  }
}

function readLines<Line>(path: string): readonly Line[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}
