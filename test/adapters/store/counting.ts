import type { AuditRecord } from '../../../src/domain/ledger/audit.ts'
import type { Pool, UsageRecord } from '../../../src/domain/pool/model.ts'
import type { Decide } from '../../../src/ports/store.ts'

/** A pool for tests that count: the count is stored as the uid of the last use of its GPU. */
export const COUNTING_POOL: Pool = {
  host: 'box',
  provider: 'fake',
  units: [
    {
      id: '0',
      device: { uuid: 'GPU-0', name: 'Fake GPU' },
      shape: { kind: 'gpu' },
      lastUse: { endedAt: 0, uid: 0 },
    },
  ],
  reservations: [],
  queue: [],
  policy: { allocation: 'lru' },
  writtenAt: { wall: 0, steady: { epoch: 'none', ms: 0 } },
}

export const countOf = (pool: Pool): number => pool.units[0]?.lastUse?.uid ?? Number.NaN

export function recordOf(reservation: string, parts: Partial<UsageRecord> = {}): UsageRecord {
  return {
    host: 'box',
    reservation,
    unit: '0',
    owner: { account: { uid: 1000, name: 'alice' }, shownName: 'alice' },
    term: 'run',
    startedAt: 1_000,
    endedAt: 2_000,
    outcome: 'exited',
    ...parts,
  }
}

/** A record that names its change by a reason. */
export const auditOf = (reason: string): AuditRecord => ({
  ...{ at: 1_000, by: { uid: 0, name: 'root' } },
  ...(reason === 'one' ? { login: { uid: 1000, name: 'alice' } } : {}),
  change: { kind: 'drain', units: ['0'], reason },
})

/** Adds one to the count, and writes one record. */
export function counting(name: string): Decide<number> {
  return (pool) => {
    const count = countOf(pool) + 1
    return {
      pool: { ...pool, units: pool.units.map((unit) => ({ ...unit, lastUse: { endedAt: 0, uid: count } })) },
      records: [recordOf(name)],
      wake: [],
      answer: count,
    }
  }
}

/** As `counting`, with a record that ends now: a pool in use need not keep older ones. */
export function countingNow(name: string): Decide<number> {
  return (pool, moment) => {
    const commit = counting(name)(pool, moment)
    const times = { startedAt: moment.wall - 1_000, endedAt: moment.wall }
    return { ...commit, records: commit.records.map((record) => ({ ...record, ...times })) }
  }
}
