import type { GpuId, Pool } from '../pool/model.ts'
import { usersOf } from '../text/status-words.ts'
import { availabilityOf, reservedGpus, type Sight } from './allocation.ts'

/** Why a GPU cannot be granted although no reservation holds it, or for how long it could not be even then. */
export type Obstacle =
  | { readonly kind: 'faulty'; readonly gpu: GpuId; readonly reason: string }
  /** Used without a reservation. */
  | { readonly kind: 'occupied'; readonly gpu: GpuId; readonly users: readonly string[] }
  /** Not seen since it has no reservation: it may be idle or not. */
  | { readonly kind: 'unchecked'; readonly gpu: GpuId }

/** One look at the driver. */
export interface Reading {
  readonly sight: Sight
  /** Reserved at that time, so that any use of these GPUs was their holders'. */
  readonly reserved: ReadonlySet<GpuId>
}

/** At most one for each GPU. A faulty GPU has one even while it is reserved, any other only without reservation. */
export function obstaclesIn(pool: Pool, reading: Reading | undefined): readonly Obstacle[] {
  const reserved = reservedGpus(pool)
  const availability = reading === undefined ? undefined : availabilityOf(pool, reading.sight)
  return pool.gpus.flatMap(({ id: gpu }): readonly Obstacle[] => {
    const usage = reading?.sight.usage.get(gpu)?.usage
    if (usage?.kind === 'fault') return [{ kind: 'faulty', gpu, reason: usage.reason }]
    if (reserved.has(gpu)) return []
    if (usage === undefined || reading?.reserved.has(gpu) === true) return [{ kind: 'unchecked', gpu }]
    return availability?.get(gpu) === 'free' ? [] : [{ kind: 'occupied', gpu, users: usersOf(usage) }]
  })
}
