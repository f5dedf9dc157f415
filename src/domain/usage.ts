import type { Gpu, GpuId, GpuReading, GpuUsage, Pool, Probe } from './model.ts'

export const DEFAULT_MEMORY_THRESHOLD_MB = 1024

/** What the driver says of each GPU of the pool, matched by UUID: a lost card shifts the driver's indices. */
export type PoolUsage = ReadonlyMap<GpuId, GpuSight>

export interface GpuSight {
  readonly uuid: string
  readonly usage: GpuUsage
  /** The driver's index now; absent when the driver does not show this GPU. */
  readonly index?: number
}

/**
 * A GPU of the pool that the driver does not show is faulty. One that is lost, or was when the pool was set
 * up, has no UUID to go by; then its number must do.
 */
export function usageOf(pool: Pool, probe: Probe): PoolUsage {
  const byUuid = new Map(probe.readings.map((reading) => [reading.uuid, reading]))
  const byIndex = new Map(probe.readings.map((reading) => [reading.index, reading]))
  const sights = new Map(
    pool.gpus.map((gpu) => {
      const sameNumber = byIndex.get(gpu.id)
      const nameless = gpu.uuid === '' || sameNumber?.uuid === ''
      return [gpu.id, sightOf(gpu, (gpu.uuid !== '' && byUuid.get(gpu.uuid)) || (nameless && sameNumber))]
    }),
  )
  return withSharedCards(pool, sights)
}

/**
 * Of a card in parts the driver may measure only the whole, and name no process. Such memory belongs to the
 * holders of its parts; where none is reserved it may be anybody's, on any part.
 */
function withSharedCards(pool: Pool, sights: PoolUsage): PoolUsage {
  const held = new Set(pool.reservations.flatMap((reservation) => reservation.gpus))
  const heldCards = new Set([...held].map((id) => cardOf(sights.get(id)?.usage)))
  return new Map(
    [...sights].map(([id, sight]) => {
      const { usage } = sight
      if (usage.kind === 'fault' || usage.card === undefined) return [id, sight]
      const isAnothers = !held.has(id) && heldCards.has(usage.card.id)
      const memoryUsedMb = usage.memoryUsedMb + (isAnothers ? 0 : usage.card.unexplainedMb)
      return [id, { ...sight, usage: { ...usage, memoryUsedMb } }]
    }),
  )
}

const cardOf = (usage: GpuUsage | undefined) => (usage?.kind === 'measured' ? usage.card?.id : undefined)

function sightOf({ uuid }: Gpu, reading: GpuReading | false | undefined): GpuSight {
  if (reading) return { uuid, usage: reading.state, index: reading.index }
  return { uuid, usage: { kind: 'fault', reason: `the driver does not show this GPU (${uuid})` } }
}

/** Every GPU unknown for one reason: an unanswered probe is not an idle GPU. */
export function unknownUsage(pool: Pool, reason: string): PoolUsage {
  return new Map(pool.gpus.map(({ id, uuid }) => [id, { uuid, usage: { kind: 'fault', reason } }]))
}
