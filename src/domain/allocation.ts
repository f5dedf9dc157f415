import type { Gpu, GpuId, GpuUsage, Pool, PoolSettings, Request } from './model.ts'
import { isOccupied, type PoolUsage } from './usage.ts'

/** Why a GPU can be granted now, or cannot. */
export type Availability = 'free' | 'reserved' | 'occupied' | 'faulty'

/** What the driver shows, and from how much memory on an unreserved GPU counts as use. */
export interface Sight {
  readonly usage: PoolUsage
  readonly thresholdMb: number
}

export interface Shortage {
  readonly requested: number
  readonly available: number
  /** GPUs left out because someone uses them without a reservation. */
  readonly occupied: number
  /** GPUs left out because of a fault. */
  readonly faulty: number
  /** The requested GPUs that are not free, where certain ones were asked for. */
  readonly taken: readonly GpuId[]
}

export type Choice =
  | { readonly kind: 'chosen'; readonly gpus: readonly GpuId[] }
  | { readonly kind: 'short'; readonly shortage: Shortage }

/** A GPU is available only when the driver was seen to show it idle. */
export function availabilityOf(pool: Pool, sight: Sight): ReadonlyMap<GpuId, Availability> {
  const reserved = reservedGpus(pool)
  return new Map(
    pool.gpus.map(({ id }) => [
      id,
      reserved.has(id) ? 'reserved' : withoutReservation(sight.usage.get(id)?.usage, sight.thresholdMb),
    ]),
  )
}

export function reservedGpus(pool: Pool): ReadonlySet<GpuId> {
  return new Set(pool.reservations.flatMap((reservation) => reservation.gpus))
}

function withoutReservation(usage: GpuUsage | undefined, thresholdMb: number): Availability {
  if (usage === undefined || usage.kind === 'fault') return 'faulty'
  return isOccupied(usage, thresholdMb) ? 'occupied' : 'free'
}

/** Chooses all the GPUs a request asks for out of the free ones, or none. */
export function choose(pool: Pool, request: Request, uid: number, sight: Sight): Choice {
  const availability = availabilityOf(pool, sight)
  const free = pool.gpus.filter((gpu) => availability.get(gpu.id) === 'free')
  const short = (requested: number, taken: readonly GpuId[]): Choice => ({
    kind: 'short',
    shortage: {
      requested,
      available: free.length,
      occupied: countOf(availability, 'occupied'),
      faulty: countOf(availability, 'faulty'),
      taken,
    },
  })
  switch (request.kind) {
    case 'ids': {
      const taken = request.ids.filter((id) => availability.get(id) !== 'free')
      return taken.length > 0
        ? short(request.ids.length, taken)
        : { kind: 'chosen', gpus: request.ids.toSorted((a, b) => a - b) }
    }
    case 'count': {
      if (free.length < request.count) return short(request.count, [])
      const gpus = inOrder(free, pool.settings, uid)
        .slice(0, request.count)
        .map((gpu) => gpu.id)
      return { kind: 'chosen', gpus: gpus.toSorted((a, b) => a - b) }
    }
  }
}

function countOf(availability: ReadonlyMap<GpuId, Availability>, wanted: Availability): number {
  return [...availability.values()].filter((one) => one === wanted).length
}

/** Never-used GPUs first, then the longest unused, ties by id; or this account's own last ones before. */
function inOrder(free: readonly Gpu[], settings: PoolSettings, uid: number): readonly Gpu[] {
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
