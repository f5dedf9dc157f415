import { settle } from '../domain/operation/ending.ts'
import { followClock } from '../domain/pool/clock.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { Seen } from '../ports/pool-service.ts'
import type { Store } from '../ports/store.ts'

/** The pool as it was written last, in the time of the present clock. */
export async function look(store: Store): Promise<Seen> {
  const { pool, moment } = await store.load()
  return { pool: followClock(pool, moment), moment }
}

/** Where the present state is known from. */
export interface Source {
  readonly store: Store
  readonly processes: ProcessCheck
}

/** The same without what is over. Writes nothing: read access is enough. */
export async function lookAtPresent({ store, processes }: Source): Promise<Seen> {
  const { pool, moment } = await look(store)
  return { pool: settle(pool, moment, processes).pool, moment }
}
