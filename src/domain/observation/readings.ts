import type { GpuMeasurement, GpuUse, Pool, Probe, Unit, UnitId } from '../pool/model.ts'
import { unitsOf } from '../pool/units.ts'
import { type Match, matchDevices } from './devices.ts'

export const DEFAULT_MEMORY_THRESHOLD_MB = 1024

/** The driver's readings, by the units of the pool. */
export type PoolReadings = ReadonlyMap<UnitId, UnitReading>

export type UnitUse = GpuMeasurement | UnitFault

/** Why a unit cannot be used, or why its use is unknown. */
export type UnitFault =
  /** The driver reports a fault; `reason` is the driver's text. */
  | { readonly kind: 'fault'; readonly code: 'reported'; readonly reason: string }
  /** The driver reports a GPU that the pool does not know in its place. */
  | { readonly kind: 'fault'; readonly code: 'replaced' }
  /** The driver does not report it. */
  | { readonly kind: 'fault'; readonly code: 'missing'; readonly uuid: string }
  /** The probe failed. */
  | { readonly kind: 'fault'; readonly code: 'unanswered'; readonly reason: string }

export interface UnitReading {
  readonly uuid: string
  readonly use: UnitUse
  /** The driver's current index; absent if the driver does not report this GPU. */
  readonly index?: number
}

/** Matches a probe to the units of the pool. A unit that is missing or replaced in the probe has a fault. */
export function readingsOf(pool: Pool, probe: Probe): PoolReadings {
  const matches = matchDevices(pool.units, probe.readings)
  const readings = new Map(pool.units.map((unit) => [unit.id, readingOf(unit, matches.get(unit.id))]))
  return withSharedCards(pool, readings)
}

/**
 * A card may be divided into parts of which the driver measures only the total memory. Memory without a known process
 * belongs to the holders of the card's parts. If no part is reserved, it may be in use on any part.
 */
function withSharedCards(pool: Pool, readings: PoolReadings): PoolReadings {
  const held = new Set(pool.reservations.flatMap(unitsOf))
  const heldCards = new Set([...held].map((id) => cardOf(readings.get(id)?.use)))
  return new Map(
    [...readings].map(([id, reading]) => {
      const { use } = reading
      if (use.kind === 'fault' || use.card === undefined) return [id, reading]
      const isAnothers = !held.has(id) && heldCards.has(use.card.id)
      const memoryUsedMb = use.memoryUsedMb + (isAnothers ? 0 : use.card.unexplainedMb)
      return [id, { ...reading, use: { ...use, memoryUsedMb } }]
    }),
  )
}

const cardOf = (use: UnitUse | undefined) => (use?.kind === 'measured' ? use.card?.id : undefined)

function readingOf({ device: { uuid } }: Unit, match: Match | undefined): UnitReading {
  switch (match?.kind) {
    case 'same':
      return { uuid, use: unitUse(match.reading.state), index: match.reading.index }
    case 'replaced':
      return { uuid, use: { kind: 'fault', code: 'replaced' } }
    default:
      return { uuid, use: { kind: 'fault', code: 'missing', uuid } }
  }
}

/** The use of a unit that the driver reports. */
export const unitUse = (state: GpuUse): UnitUse =>
  state.kind === 'fault' ? { ...state, code: 'reported' } : state

/** The readings after a failed probe: no GPU counts as idle. */
export function unknownReadings(pool: Pool, reason: string): PoolReadings {
  const use: UnitUse = { kind: 'fault', code: 'unanswered', reason }
  return new Map(pool.units.map(({ id, device: { uuid } }) => [id, { uuid, use }]))
}

/** Whether the driver reports another GPU in its place. */
export const isReplaced = (use: UnitUse): boolean => use.kind === 'fault' && use.code === 'replaced'

/** The GPUs whose place another GPU has. */
export const replacedIn = (readings: PoolReadings): readonly UnitId[] =>
  [...readings].flatMap(([id, reading]) => (isReplaced(reading.use) ? [id] : []))
