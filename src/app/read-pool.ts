import { settle } from '../domain/operation/ending.ts'
import { followClock } from '../domain/pool/clock.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { TimedPool } from '../ports/pool-service.ts'
import type { Store } from '../ports/store.ts'

/** Reads the pool as it was last written, with its times adjusted to the clock. */
export async function readPool(store: Store): Promise<TimedPool> {
  const { pool, moment } = await store.load()
  return { pool: followClock(pool, moment), moment }
}

/** The inputs for reading the current state. */
export interface Source {
  readonly store: Store
  readonly processes: ProcessCheck
}

/** Reads the pool without ended reservations and queue entries. Writes nothing: read access is enough. */
export async function readSettledPool({ store, processes }: Source): Promise<TimedPool> {
  const { pool, moment } = await readPool(store)
  return { pool: settle(pool, moment, processes).pool, moment }
}
