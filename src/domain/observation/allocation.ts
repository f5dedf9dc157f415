import type { GpuMeasurement, Policy, Pool, Unit, UnitId } from '../pool/model.ts'
import { compareUnits, unitsOf } from '../pool/units.ts'
import { isOccupied, unexplainedMb } from './evidence.ts'
import type { PoolUsage, UnitUsage } from './usage.ts'

/** Why a GPU can be granted now, or cannot. */
export type Availability = 'free' | 'reserved' | 'occupied' | 'faulty'

/** What the driver shows, and from how much memory on an unreserved GPU counts as use. */
export interface Sight {
  readonly usage: PoolUsage
  readonly thresholdMb: number
  /** An account whose own unreserved use is not in its way. */
  readonly claimant?: number
}

/** A GPU is available only when the driver was seen to show it idle. */
export function availabilityOf(pool: Pool, sight: Sight): ReadonlyMap<UnitId, Availability> {
  const reserved = reservedUnits(pool)
  return new Map(
    pool.units.map(({ id }) => [
      id,
      reserved.has(id) ? 'reserved' : unreservedAvailability(sight.usage.get(id)?.usage, sight),
    ]),
  )
}

export function reservedUnits(pool: Pool): ReadonlySet<UnitId> {
  return new Set(pool.reservations.flatMap(unitsOf))
}

/** Whether a unit without a reservation can be granted. */
export function unreservedAvailability(usage: UnitUsage | undefined, sight: Sight): Availability {
  if (usage === undefined || usage.kind === 'fault') return 'faulty'
  return isOccupied(usage, sight.thresholdMb) && !isUsedOnlyByClaimant(usage, sight) ? 'occupied' : 'free'
}

/** GPUs without a reservation that the claimant's own processes use, and no one else's. */
export function claimableBy(pool: Pool, sight: Sight): readonly UnitId[] {
  const reserved = reservedUnits(pool)
  return pool.units
    .map(({ id }) => id)
    .filter((id) => {
      const usage = sight.usage.get(id)?.usage
      if (reserved.has(id) || usage?.kind !== 'measured') return false
      return isOccupied(usage, sight.thresholdMb) && isUsedOnlyByClaimant(usage, sight)
    })
}

/** A process whose owner cannot be seen may be anyone's, and so may memory that no process holds. */
function isUsedOnlyByClaimant(usage: GpuMeasurement, { claimant, thresholdMb }: Sight): boolean {
  return (
    claimant !== undefined &&
    usage.processes.length > 0 &&
    usage.processes.every((process) => process.uid === claimant) &&
    unexplainedMb(usage) < thresholdMb
  )
}

/** Never-used units first, then the longest unused, ties by id; or this account's own last ones before. */
export function usageOrder(free: readonly Unit[], policy: Policy, uid: number): readonly Unit[] {
  const never = Number.NEGATIVE_INFINITY
  // Two that were never used differ by NaN, which is no order either.
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
