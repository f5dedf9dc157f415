import type { Pool, Probe } from '../pool/model.ts'
import type { Evidence } from './allocation.ts'
import { readingsOf } from './readings.ts'
import { thresholdOf } from './threshold.ts'

/** A probe that was started before the decision that uses it. */
export interface Observation {
  readonly probe: Probe
  /** The memory threshold that the caller requests, MB; null: the pool's threshold. See `thresholdOf`. */
  readonly askedThresholdMb: number | null
}

/** Matches an observation to the units of the pool. */
export const evidenceOf = (pool: Pool, { probe, askedThresholdMb }: Observation): Evidence => ({
  readings: readingsOf(pool, probe),
  thresholdMb: thresholdOf(pool, askedThresholdMb),
})
