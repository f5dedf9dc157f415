import { adopted, matchDevices } from '../domain/devices.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Gpu, Pool } from '../domain/model.ts'
import type { Store } from '../domain/ports.ts'
import { poolThreshold } from '../domain/threshold.ts'
import type { Deps } from './deps.ts'

/** Sets from how much memory on an unreserved GPU counts as use, for everyone; reservations stay. */
export function setMemoryThreshold(store: Store, memoryThresholdMb: number): Promise<Pool> {
  return store.update((pool) => {
    if (poolThreshold(pool) === memoryThresholdMb) return { pool, ended: [], result: pool }
    const changed = { ...pool, settings: { ...pool.settings, memoryThresholdMb } }
    return { pool: changed, ended: [], result: changed }
  })
}

/**
 * Adopts UUIDs and names of the GPUs that the driver shows; reservations stay. Returns the GPUs that changed. Throws
 * `failure`, with nothing adopted, where the driver shows none for a GPU of the pool.
 */
export async function refreshDevices(
  deps: Pick<Deps, 'store' | 'providerOf' | 'probeTimeout'>,
): Promise<readonly Gpu[]> {
  const { pool: seen } = await deps.store.read()
  const { readings } = await (await deps.providerOf(seen)).probe(deps.probeTimeout)
  return deps.store.update((pool) => {
    const matches = matchDevices(pool.gpus, readings)
    const missing = pool.gpus.filter(({ id }) => matches.get(id)?.kind === 'missing')
    if (missing.length > 0) throw tooFew(pool, missing, readings.length)
    const gpus = pool.gpus.map((gpu) => adopted(gpu, matches.get(gpu.id)))
    const changed = gpus.filter((gpu, at) => gpu !== pool.gpus[at])
    return { pool: changed.length === 0 ? pool : { ...pool, gpus }, ended: [], result: changed }
  })
}

function tooFew(pool: Pool, missing: readonly Gpu[], shown: number): CanhazgpuError {
  const ids = missing.map(({ id }) => id).join(', ')
  return new CanhazgpuError(
    'failure',
    `Cannot adopt the GPUs: the pool has ${pool.gpus.length}, the driver shows ${shown}, and none for GPU ${ids}`,
    {
      hint: `bring back what is missing, or set up the pool anew with 'sudo canhazgpu admin --gpus ${shown} --force', which ends all reservations`,
    },
  )
}
