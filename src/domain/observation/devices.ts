import type { GpuReading, Unit, UnitId } from '../pool/model.ts'
import { gpuNumber } from '../pool/units.ts'

/**
 * What the driver shows for one GPU of the pool. `replaced`: another GPU, which the pool does not know, is in its
 * place. `missing`: none.
 */
export type Match =
  | { readonly kind: 'same'; readonly reading: GpuReading }
  | { readonly kind: 'replaced'; readonly reading: GpuReading }
  | { readonly kind: 'missing' }

/**
 * Matches GPUs by UUID: a lost card shifts the driver's numbers. A card that is lost, or was when the pool was set
 * up, has no UUID to go by; then its number must do. Unknown GPUs replace absent ones of the same number, and in
 * order where the driver shows as many GPUs as the pool has.
 */
export function matchDevices(
  units: readonly Unit[],
  readings: readonly GpuReading[],
): ReadonlyMap<UnitId, Match> {
  const byUuid = new Map(readings.map((reading) => [reading.uuid, reading]))
  const byIndex = new Map(readings.map((reading) => [reading.index, reading]))
  const matches = new Map<UnitId, Match>()
  for (const { id, device } of units) {
    const sameNumber = byIndex.get(gpuNumber(id))
    const isNameless = device.uuid === '' || sameNumber?.uuid === ''
    const reading = (device.uuid !== '' && byUuid.get(device.uuid)) || (isNameless && sameNumber)
    if (reading) matches.set(id, { kind: 'same', reading })
  }
  if (matches.size < units.length) replaceAbsent(matches, units, readings)
  return matches
}

function replaceAbsent(
  matches: Map<UnitId, Match>,
  units: readonly Unit[],
  readings: readonly GpuReading[],
): void {
  const known = new Set([...matches.values()].map((match) => match.kind === 'same' && match.reading))
  const fresh = new Set(
    readings.filter((reading) => !known.has(reading)).toSorted((a, b) => a.index - b.index),
  )
  const replace = (id: UnitId, reading: GpuReading | undefined) => {
    if (reading === undefined) return
    fresh.delete(reading)
    matches.set(id, { kind: 'replaced', reading })
  }
  const absent = () => units.filter(({ id }) => !matches.has(id))
  for (const { id } of absent())
    replace(
      id,
      [...fresh].find(({ index }) => index === gpuNumber(id)),
    )
  if (readings.length === units.length) {
    for (const { id } of absent()) replace(id, [...fresh][0])
  }
  for (const { id } of absent()) matches.set(id, { kind: 'missing' })
}

/** A GPU as the driver shows it now, with what the pool remembers of its place. */
export function adopted(unit: Unit, match: Match | undefined): Unit {
  if (match === undefined || match.kind === 'missing') return unit
  const { device } = unit
  const { uuid, name, state } = match.reading
  // A faulty GPU may be shown without its identity.
  const isKnown = match.kind === 'replaced' || state.kind === 'measured'
  const next = { uuid: uuid === '' ? device.uuid : uuid, name: isKnown ? name : device.name }
  if (next.uuid === device.uuid && next.name === device.name) return unit
  return { ...unit, device: { ...device, ...next } }
}
