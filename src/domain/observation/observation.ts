import type { Pool, Probe } from '../pool/model.ts'
import type { Sight } from './allocation.ts'
import { thresholdOf } from './threshold.ts'
import { usageOf } from './usage.ts'

/** What the driver showed, begun before the decision that uses it. */
export interface Observation {
  readonly probe: Probe
  /** The memory threshold that the caller asks for, MB; null: the pool's own. See `thresholdOf`. */
  readonly askedThresholdMb: number | null
}

/** The observation matched to the units of the pool. */
export const sightOf = (pool: Pool, { probe, askedThresholdMb }: Observation): Sight => ({
  usage: usageOf(pool, probe),
  thresholdMb: thresholdOf(pool, askedThresholdMb),
})
