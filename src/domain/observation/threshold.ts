import type { Pool } from '../pool/model.ts'
import type { Warning } from '../warnings.ts'
import { DEFAULT_MEMORY_THRESHOLD_MB } from './usage.ts'

/** From how much memory on an unreserved GPU counts as use in this pool, MB. */
export const poolThreshold = ({ policy }: Pick<Pool, 'policy'>): number =>
  policy.memoryThresholdMb ?? DEFAULT_MEMORY_THRESHOLD_MB

/** The warning that a threshold is ignored; undefined for a threshold that is not. */
export function thresholdWarning(pool: Pick<Pool, 'policy'>, asked: number | null): Warning | undefined {
  const own = poolThreshold(pool)
  if (asked === null || asked <= own) return undefined
  return {
    code: 'threshold-ignored',
    message: `memory threshold ${asked} MB ignored: this pool has ${own} MB - 'sudo canhazgpu admin --memory-threshold ${asked}' changes it for everyone`,
  }
}

/**
 * The threshold for one caller: the pool's, or a lower one that the caller asks for. A higher one would let the
 * caller take a GPU that somebody uses.
 */
export const thresholdOf = (pool: Pick<Pool, 'policy'>, asked: number | null): number =>
  Math.min(poolThreshold(pool), asked ?? Number.POSITIVE_INFINITY)
