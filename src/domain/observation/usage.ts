import type { GpuMeasurement, GpuUsage, Pool, Probe, Unit, UnitId } from '../pool/model.ts'
import { unitsOf } from '../pool/units.ts'
import { type Match, matchDevices } from './devices.ts'

export const DEFAULT_MEMORY_THRESHOLD_MB = 1024

/** What the driver shows for each unit of the pool, matched by UUID: a lost card shifts the driver's indices. */
export type PoolUsage = ReadonlyMap<UnitId, GpuSight>

export type UnitUsage = GpuMeasurement | UnitFault

/** Why a unit cannot be used or judged. */
export type UnitFault =
  /** In the words of the driver. */
  | { readonly kind: 'fault'; readonly code: 'reported'; readonly reason: string }
  /** The driver shows another GPU, which the pool does not know, in its place. */
  | { readonly kind: 'fault'; readonly code: 'replaced' }
  /** The driver does not show it. */
  | { readonly kind: 'fault'; readonly code: 'missing'; readonly uuid: string }
  /** The driver could not be asked. */
  | { readonly kind: 'fault'; readonly code: 'unanswered'; readonly reason: string }

export interface GpuSight {
  readonly uuid: string
  readonly usage: UnitUsage
  /** The driver's index now; absent when the driver does not show this GPU. */
  readonly index?: number
}

/** A GPU of the pool that the driver does not show, or another in its place, is faulty. */
export function usageOf(pool: Pool, probe: Probe): PoolUsage {
  const matches = matchDevices(pool.units, probe.readings)
  const sights = new Map(pool.units.map((unit) => [unit.id, sightOf(unit, matches.get(unit.id))]))
  return withSharedCards(pool, sights)
}

/**
 * Of a card in parts the driver may measure only the whole, and name no process. Such memory belongs to the
 * holders of its parts; where none is reserved it may be anybody's, on any part.
 */
function withSharedCards(pool: Pool, sights: PoolUsage): PoolUsage {
  const held = new Set(pool.reservations.flatMap(unitsOf))
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

const cardOf = (usage: UnitUsage | undefined) => (usage?.kind === 'measured' ? usage.card?.id : undefined)

function sightOf({ device: { uuid } }: Unit, match: Match | undefined): GpuSight {
  switch (match?.kind) {
    case 'same':
      return { uuid, usage: unitUsage(match.reading.state), index: match.reading.index }
    case 'replaced':
      return { uuid, usage: { kind: 'fault', code: 'replaced' } }
    default:
      return { uuid, usage: { kind: 'fault', code: 'missing', uuid } }
  }
}

/** What the driver shows for a unit that it knows. */
export const unitUsage = (state: GpuUsage): UnitUsage =>
  state.kind === 'fault' ? { ...state, code: 'reported' } : state

/** Every GPU unknown for one reason: an unanswered probe is not an idle GPU. */
export function unknownUsage(pool: Pool, reason: string): PoolUsage {
  const usage: UnitUsage = { kind: 'fault', code: 'unanswered', reason }
  return new Map(pool.units.map(({ id, device: { uuid } }) => [id, { uuid, usage }]))
}

/** Whether the driver shows another GPU in its place. */
export const isReplaced = (usage: UnitUsage): boolean => usage.kind === 'fault' && usage.code === 'replaced'

/** The GPUs that have another in their place. */
export const replacedIn = (usage: PoolUsage): readonly UnitId[] =>
  [...usage].flatMap(([id, sight]) => (isReplaced(sight.usage) ? [id] : []))
