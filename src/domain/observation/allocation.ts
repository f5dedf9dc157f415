import type { GpuMeasurement, Policy, Pool, Unit, UnitId } from '../pool/model.ts'
import { compareUnits, unitsOf } from '../pool/units.ts'
import { isOccupied, unexplainedMb } from './evidence.ts'
import type { PoolReadings, UnitUse } from './readings.ts'

/** Whether a GPU can be granted now, and if not, why. */
export type Availability = 'free' | 'reserved' | 'drained' | 'occupied' | 'faulty'

/** The driver's readings for the units of a pool, and the memory threshold for use without a reservation. */
export interface Evidence {
  readonly readings: PoolReadings
  readonly thresholdMb: number
  /** This account may be granted GPUs that only its own processes use. */
  readonly claimant?: number
}

/** A GPU is free only if the driver reports it idle. */
export function availabilityOf(pool: Pool, evidence: Evidence): ReadonlyMap<UnitId, Availability> {
  const reserved = reservedUnits(pool)
  return new Map(
    pool.units.map(({ id, drain }) => {
      if (reserved.has(id)) return [id, 'reserved']
      if (drain !== undefined) return [id, 'drained']
      return [id, unreservedAvailability(evidence.readings.get(id)?.use, evidence)]
    }),
  )
}

export function reservedUnits(pool: Pool): ReadonlySet<UnitId> {
  return new Set(pool.reservations.flatMap(unitsOf))
}

/** Whether a unit without a reservation and without a drain can be granted. */
export function unreservedAvailability(use: UnitUse | undefined, evidence: Evidence): Availability {
  if (use === undefined || use.kind === 'fault') return 'faulty'
  return isOccupied(use, evidence.thresholdMb) && !isUsedOnlyByClaimant(use, evidence) ? 'occupied' : 'free'
}

/** GPUs without a reservation and without a drain that only the claimant's processes use. */
export function claimableBy(pool: Pool, evidence: Evidence): readonly UnitId[] {
  const reserved = reservedUnits(pool)
  return pool.units
    .filter(({ drain }) => drain === undefined)
    .map(({ id }) => id)
    .filter((id) => {
      const use = evidence.readings.get(id)?.use
      if (reserved.has(id) || use?.kind !== 'measured') return false
      return isOccupied(use, evidence.thresholdMb) && isUsedOnlyByClaimant(use, evidence)
    })
}

/** A process of an unknown owner, and memory that no process holds, may belong to any account. */
function isUsedOnlyByClaimant(use: GpuMeasurement, { claimant, thresholdMb }: Evidence): boolean {
  return (
    claimant !== undefined &&
    use.processes.length > 0 &&
    use.processes.every((process) => process.uid === claimant) &&
    unexplainedMb(use) < thresholdMb
  )
}

/**
 * `lru`: never-used units first, then the longest unused, ties by id. `mru-per-user`: before these, the units that
 * this account used last.
 */
export function allocationOrder(free: readonly Unit[], policy: Policy, uid: number): readonly Unit[] {
  const never = Number.NEGATIVE_INFINITY
  // For two never-used units the difference is NaN, so the ids decide.
  const leastRecent = (a: Unit, b: Unit) =>
    (a.lastUse?.endedAt ?? never) - (b.lastUse?.endedAt ?? never) || compareUnits(a.id, b.id)
  switch (policy.allocation) {
    case 'lru':
      return free.toSorted(leastRecent)
    case 'mru-per-user': {
      const mine = free.filter(({ lastUse }) => lastUse?.uid === uid)
      const others = free.filter(({ lastUse }) => lastUse?.uid !== uid)
      return [...mine.toSorted((a, b) => leastRecent(b, a)), ...others.toSorted(leastRecent)]
    }
  }
}
