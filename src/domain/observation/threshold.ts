import type { Pool } from '../pool/model.ts'
import { DEFAULT_MEMORY_THRESHOLD_MB } from './usage.ts'

/** From how much memory on an unreserved GPU counts as use in this pool, MB. */
export const poolThreshold = ({ policy }: Pick<Pool, 'policy'>): number =>
  policy.memoryThresholdMb ?? DEFAULT_MEMORY_THRESHOLD_MB

/** Why a threshold that a caller asks for is ignored; undefined where it is not. */
export function looserThan(pool: Pick<Pool, 'policy'>, asked: number | null): string | undefined {
  const own = poolThreshold(pool)
  if (asked === null || asked <= own) return undefined
  return `memory threshold ${asked} MB ignored: this pool has ${own} MB - 'sudo canhazgpu admin --memory-threshold ${asked}' changes it for everyone`
}

/**
 * The threshold for one caller: the pool's, or a lower one that the caller asks for. A higher one would let the
 * caller take a GPU that somebody uses.
 */
export const thresholdOf = (pool: Pick<Pool, 'policy'>, asked: number | null): number =>
  Math.min(poolThreshold(pool), asked ?? Number.POSITIVE_INFINITY)
