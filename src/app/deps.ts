import type { Millis, Pool } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { GpuProvider } from '../ports/driver.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'

/** What the use-cases need of the world. */
export interface Deps extends ProcessCheck {
  readonly store: OpenedPool
  readonly providerOf: (pool: Pool) => Promise<GpuProvider>
  /** Whether the owners of the processes that the driver names can be known here. */
  readonly seesProcessOwners: () => boolean
  /** How long the driver may take to answer. */
  readonly probeTimeout: Millis
  /** The threshold that the caller asks for, MB; null: the pool's own. See `thresholdOf`. */
  readonly memoryThreshold: number | null
}
