import { CanhazgpuError } from '../domain/errors.ts'
import { adopted, matchDevices } from '../domain/observation/devices.ts'
import { poolThreshold } from '../domain/observation/threshold.ts'
import { settle } from '../domain/operation/ending.ts'
import type { Pool, Unit } from '../domain/pool/model.ts'
import type { Deps } from './deps.ts'
import { loadPool, updatePool } from './stored-pool.ts'

// Both settle first: the first write after a reboot is the last that can prove that the runs from before it have ended.

/** Sets from how much memory on an unreserved GPU counts as use, for everyone; reservations stay. */
export function setMemoryThreshold(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
  memoryThresholdMb: number,
): Promise<Pool> {
  return updatePool(deps, (pool, moment) => {
    const { pool: settled, ended } = settle(pool, moment, deps)
    const isSet = poolThreshold(settled) === memoryThresholdMb
    const changed = isSet ? settled : { ...settled, policy: { ...settled.policy, memoryThresholdMb } }
    return { pool: changed, ended, result: changed }
  })
}

/**
 * Adopts UUIDs and names of the GPUs that the driver shows; reservations stay. Returns the units that changed. Throws
 * `failure`, with nothing adopted, where the driver shows none for a GPU of the pool.
 */
export async function refreshDevices(
  deps: Omit<Deps, 'seesProcessOwners' | 'memoryThreshold'>,
): Promise<readonly Unit[]> {
  const { pool: seen } = await loadPool(deps.store)
  const { readings } = await (await deps.providerOf(seen)).probe(deps.probeTimeout)
  return updatePool(deps, (present, moment) => {
    const { pool, ended } = settle(present, moment, deps)
    const matches = matchDevices(pool.units, readings)
    const missing = pool.units.filter(({ id }) => matches.get(id)?.kind === 'missing')
    if (missing.length > 0) throw tooFew(pool, missing, readings.length)
    const units = pool.units.map((unit) => adopted(unit, matches.get(unit.id)))
    const changed = units.filter((unit, at) => unit !== pool.units[at])
    return { pool: changed.length === 0 ? pool : { ...pool, units }, ended, result: changed }
  })
}

function tooFew(pool: Pool, missing: readonly Unit[], shown: number): CanhazgpuError {
  const ids = missing.map(({ id }) => id).join(', ')
  return new CanhazgpuError(
    'failure',
    `Cannot adopt the GPUs: the pool has ${pool.units.length}, the driver shows ${shown}, and none for GPU ${ids}`,
    {
      hint: `bring back what is missing, or set up the pool anew with 'sudo canhazgpu admin --gpus ${shown} --force', which ends all reservations`,
    },
  )
}
