import type { Gpu, GpuId, GpuMeasurement, GpuUsage, Pool, PoolSettings } from '../pool/model.ts'
import { isOccupied, unexplainedMb } from './evidence.ts'
import type { PoolUsage } from './usage.ts'

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
export function availabilityOf(pool: Pool, sight: Sight): ReadonlyMap<GpuId, Availability> {
  const reserved = reservedGpus(pool)
  return new Map(
    pool.gpus.map(({ id }) => [
      id,
      reserved.has(id) ? 'reserved' : withoutReservation(sight.usage.get(id)?.usage, sight),
    ]),
  )
}

export function reservedGpus(pool: Pool): ReadonlySet<GpuId> {
  return new Set(pool.reservations.flatMap((reservation) => reservation.gpus))
}

function withoutReservation(usage: GpuUsage | undefined, sight: Sight): Availability {
  if (usage === undefined || usage.kind === 'fault') return 'faulty'
  return isOccupied(usage, sight.thresholdMb) && !isUsedOnlyByClaimant(usage, sight) ? 'occupied' : 'free'
}

/** GPUs without a reservation that the claimant's own processes use, and no one else's. */
export function claimableBy(pool: Pool, sight: Sight): readonly GpuId[] {
  const reserved = reservedGpus(pool)
  return pool.gpus
    .map((gpu) => gpu.id)
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

/** Never-used GPUs first, then the longest unused, ties by id; or this account's own last ones before. */
export function usageOrder(free: readonly Gpu[], settings: PoolSettings, uid: number): readonly Gpu[] {
  const leastRecent = (a: Gpu, b: Gpu) =>
    (a.releasedAt ?? Number.NEGATIVE_INFINITY) === (b.releasedAt ?? Number.NEGATIVE_INFINITY)
      ? a.id - b.id
      : (a.releasedAt ?? Number.NEGATIVE_INFINITY) - (b.releasedAt ?? Number.NEGATIVE_INFINITY)
  switch (settings.allocation) {
    case 'lru':
      return free.toSorted(leastRecent)
    case 'mru-per-user': {
      const mine = free.filter((gpu) => gpu.releasedBy === uid)
      const others = free.filter((gpu) => gpu.releasedBy !== uid)
      return [...mine.toSorted((a, b) => leastRecent(b, a)), ...others.toSorted(leastRecent)]
    }
  }
}
