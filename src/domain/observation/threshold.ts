import type { Pool } from '../pool/model.ts'
import type { Warning } from '../warnings.ts'
import { DEFAULT_MEMORY_THRESHOLD_MB } from './readings.ts'

/** The memory in MB that counts as use of an unreserved GPU in this pool. */
export const poolThreshold = ({ policy }: Pick<Pool, 'policy'>): number =>
  policy.memoryThresholdMb ?? DEFAULT_MEMORY_THRESHOLD_MB

/** The warning that a requested threshold is ignored; undefined if it applies. */
export function thresholdWarning(pool: Pick<Pool, 'policy'>, asked: number | null): Warning | undefined {
  const own = poolThreshold(pool)
  if (asked === null || asked <= own) return undefined
  return {
    code: 'threshold-ignored',
    message: `memory threshold ${asked} MB ignored: this pool has ${own} MB - 'sudo canhazgpu admin --memory-threshold ${asked}' changes it for everyone`,
  }
}

/**
 * The threshold for one caller: the pool's, or a lower one that the caller requests. With a higher one the caller
 * could be granted a GPU that is in use.
 */
export const thresholdOf = (pool: Pick<Pool, 'policy'>, asked: number | null): number =>
  Math.min(poolThreshold(pool), asked ?? Number.POSITIVE_INFINITY)
