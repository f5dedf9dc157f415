import { CanhazgpuError } from '../domain/errors.ts'
import { type GpuStatus, statusOf, type View } from '../domain/observation/status.ts'
import { thresholdOf } from '../domain/observation/threshold.ts'
import { unknownUsage, usageOf } from '../domain/observation/usage.ts'
import { settle } from '../domain/operation/ending.ts'
import type { Moment, Pool } from '../domain/pool/model.ts'
import type { Deps } from './deps.ts'
import { loadPool, updatePool } from './stored-pool.ts'

/** The pool as anyone may see it now. */
export interface Overview {
  readonly pool: Pool
  readonly view: View
  readonly gpus: readonly GpuStatus[]
  /** Why the driver could not be asked; every GPU is then of unknown use. */
  readonly driverFailure?: CanhazgpuError
}

/**
 * Who holds what, checked against the driver. What is over is ended on the way, so that the history
 * tells it in time; a pool that may only be read is shown all the same.
 */
export async function overview(deps: Deps): Promise<Overview> {
  const { pool, moment } = await presentPool(deps)
  const view = { now: moment.wall, thresholdMb: thresholdOf(pool, deps.memoryThreshold) }
  const provider = await deps.providerOf(pool)
  try {
    const probe = await provider.probe(deps.probeTimeout)
    return { pool, view, gpus: statusOf(pool, usageOf(pool, probe), view.thresholdMb) }
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    const unknown = unknownUsage(pool, error.message)
    return { pool, view, gpus: statusOf(pool, unknown, view.thresholdMb), driverFailure: error }
  }
}

async function presentPool(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
): Promise<{ pool: Pool; moment: Moment }> {
  const { pool, moment } = await loadPool(deps.store)
  const settled = settle(pool, moment, deps)
  if (settled.pool === pool) return { pool, moment }
  try {
    await updatePool(deps, (present, now) => ({
      ...settle(present, now, deps),
      result: undefined,
    }))
    return await loadPool(deps.store)
  } catch (error) {
    if (isReadOnly(error)) return { pool: settled.pool, moment }
    throw error
  }
}

function isReadOnly(error: unknown): boolean {
  return (
    error instanceof CanhazgpuError &&
    (error.code === 'permission-denied' || error.code === 'store-unavailable')
  )
}
