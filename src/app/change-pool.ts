import type { Pool } from '../domain/model.ts'
import type { Store } from '../domain/ports.ts'
import { poolThreshold } from '../domain/threshold.ts'

/** Sets from how much memory on an unreserved GPU counts as use, for everyone; reservations stay. */
export function setMemoryThreshold(store: Store, memoryThresholdMb: number): Promise<Pool> {
  return store.update((pool) => {
    if (poolThreshold(pool) === memoryThresholdMb) return { pool, ended: [], result: pool }
    const changed = { ...pool, settings: { ...pool.settings, memoryThresholdMb } }
    return { pool: changed, ended: [], result: changed }
  })
}
