import type { Millis, Pool } from '../domain/model.ts'
import type { AliveCheck, GpuProvider, Store } from '../domain/ports.ts'

/** What the use-cases need of the world. */
export interface Deps {
  readonly store: Store
  readonly alive: AliveCheck
  readonly providerOf: (pool: Pool) => Promise<GpuProvider>
  /** How long the driver may take to answer. */
  readonly probeTimeout: Millis
  /** From how much memory on an unreserved GPU counts as use, MB. */
  readonly memoryThreshold: number
}
