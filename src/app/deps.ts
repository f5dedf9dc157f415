import type { Millis, Pool } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { GpuProvider, Store } from '../ports/ports.ts'

/** What the use-cases need of the world. */
export interface Deps extends ProcessCheck {
  readonly store: Store
  readonly providerOf: (pool: Pool) => Promise<GpuProvider>
  /** Whether the owners of the processes that the driver names can be known here. */
  readonly seesProcessOwners: () => boolean
  /** How long the driver may take to answer. */
  readonly probeTimeout: Millis
  /** The threshold that the caller asks for, MB; null: the pool's own. See `thresholdOf`. */
  readonly memoryThreshold: number | null
}
