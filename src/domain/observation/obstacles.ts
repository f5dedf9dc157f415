import type { Pool, UnitId } from '../pool/model.ts'
import { availabilityOf, reservedUnits, type Sight } from './allocation.ts'
import { usersOf } from './evidence.ts'
import type { UnitFault } from './usage.ts'

/** Why a GPU cannot be granted although no reservation holds it, or for how long it could not be even then. */
export type Obstacle =
  | { readonly kind: 'faulty'; readonly unit: UnitId; readonly fault: UnitFault }
  /** Used without a reservation. */
  | { readonly kind: 'occupied'; readonly unit: UnitId; readonly users: readonly string[] }
  /** Not seen since it has no reservation: it may be idle or not. */
  | { readonly kind: 'unchecked'; readonly unit: UnitId }

/** One look at the driver. */
export interface Reading {
  readonly sight: Sight
  /** Reserved at that time, so that any use of these GPUs was their holders'. */
  readonly reserved: ReadonlySet<UnitId>
}

/** At most one for each GPU. A faulty GPU has one even while it is reserved, any other only without reservation. */
export function obstaclesIn(pool: Pool, reading: Reading | undefined): readonly Obstacle[] {
  const reserved = reservedUnits(pool)
  const availability = reading === undefined ? undefined : availabilityOf(pool, reading.sight)
  return pool.units.flatMap(({ id: unit }): readonly Obstacle[] => {
    const usage = reading?.sight.usage.get(unit)?.usage
    if (usage?.kind === 'fault') return [{ kind: 'faulty', unit, fault: usage }]
    if (reserved.has(unit)) return []
    if (usage === undefined || reading?.reserved.has(unit) === true) return [{ kind: 'unchecked', unit }]
    return availability?.get(unit) === 'free' ? [] : [{ kind: 'occupied', unit, users: usersOf(usage) }]
  })
}
