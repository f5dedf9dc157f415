import type { Pool, UsageRecord } from '../../../src/domain/pool/model.ts'
import type { Decide } from '../../../src/ports/ports.ts'

/** A pool whose only use is to be counted in: the count stands where the last holder of its GPU would. */
export const COUNTING_POOL: Pool = {
  host: 'box',
  provider: 'fake',
  gpus: [{ id: 0, uuid: 'GPU-0', name: 'Fake GPU', releasedBy: 0 }],
  reservations: [],
  queue: [],
  settings: { allocation: 'lru' },
  writtenAt: { wall: 0, steady: { epoch: 'none', ms: 0 } },
}

export const countOf = (pool: Pool): number => pool.gpus[0]?.releasedBy ?? Number.NaN

export function recordOf(reservation: string, parts: Partial<UsageRecord> = {}): UsageRecord {
  return {
    host: 'box',
    reservation,
    gpu: 0,
    user: 'alice',
    account: { uid: 1000, name: 'alice' },
    kind: 'run',
    startedAt: 1_000,
    endedAt: 2_000,
    outcome: 'exited',
    ...parts,
  }
}

/** Counts one up and leaves one record of it. */
export function counting(name: string): Decide<number> {
  return (pool) => {
    const count = countOf(pool) + 1
    return {
      pool: { ...pool, gpus: pool.gpus.map((gpu) => ({ ...gpu, releasedBy: count })) },
      ended: [recordOf(name)],
      result: count,
    }
  }
}
