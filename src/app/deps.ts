import type { Millis, Pool } from '../domain/model.ts'
import type { AliveCheck, GpuProvider, Store } from '../domain/ports.ts'

/** What the use-cases need of the world. */
export interface Deps {
  readonly store: Store
  readonly alive: AliveCheck
  readonly providerOf: (pool: Pool) => Promise<GpuProvider>
  /** How long the driver may take to answer. */
  readonly probeTimeout: Millis
  /** The threshold that the caller asks for, MB; null: the pool's own. See `thresholdOf`. */
  readonly memoryThreshold: number | null
}
