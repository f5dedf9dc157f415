import type { Drain, Pool, UnitId } from '../pool/model.ts'
import { availabilityOf, type Evidence, reservedUnits } from './allocation.ts'
import { usersOf } from './evidence.ts'
import type { UnitFault } from './readings.ts'

/** Why a GPU cannot be granted, apart from its reservation. */
export type Obstacle =
  /** It gets no new holder; it may still have one. */
  | { readonly kind: 'draining'; readonly unit: UnitId; readonly drain: Drain }
  | { readonly kind: 'faulty'; readonly unit: UnitId; readonly fault: UnitFault }
  /** Used without a reservation. */
  | { readonly kind: 'occupied'; readonly unit: UnitId; readonly users: readonly string[] }
  /** The driver was not probed since its reservation ended, so it may be in use. */
  | { readonly kind: 'unchecked'; readonly unit: UnitId }

/** One probe of the driver, matched to the pool. */
export interface Reading {
  readonly evidence: Evidence
  /** Units that were reserved at the time of the probe: use of these was their holders' use. */
  readonly reserved: ReadonlySet<UnitId>
}

/** At most one obstacle per GPU. A reserved GPU has one only if it is drained or faulty. */
export function obstaclesIn(pool: Pool, reading: Reading | undefined): readonly Obstacle[] {
  const reserved = reservedUnits(pool)
  const availability = reading === undefined ? undefined : availabilityOf(pool, reading.evidence)
  return pool.units.flatMap(({ id: unit, drain }): readonly Obstacle[] => {
    if (drain !== undefined) return [{ kind: 'draining', unit, drain }]
    const use = reading?.evidence.readings.get(unit)?.use
    if (use?.kind === 'fault') return [{ kind: 'faulty', unit, fault: use }]
    if (reserved.has(unit)) return []
    if (use === undefined || reading?.reserved.has(unit) === true) return [{ kind: 'unchecked', unit }]
    return availability?.get(unit) === 'free' ? [] : [{ kind: 'occupied', unit, users: usersOf(use) }]
  })
}
