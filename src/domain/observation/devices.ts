import type { GpuReading, GpuUse, Unit, UnitId } from '../pool/model.ts'
import { gpuNumber } from '../pool/units.ts'

/**
 * The driver's reading for one GPU of the pool. `replaced`: the driver reports a GPU that the pool does not know in its
 * place. `missing`: there is no reading for it.
 */
export type Match =
  | { readonly kind: 'same'; readonly reading: GpuReading }
  | { readonly kind: 'replaced'; readonly reading: GpuReading }
  | { readonly kind: 'missing' }

/**
 * Matches GPUs by UUID, because a lost card shifts the driver's numbers. The driver may report no UUID for a lost
 * card, now or at set-up; such a card is matched by its number. An unknown GPU replaces the absent one of the same
 * number. If the driver reports as many GPUs as the pool has, other unknown GPUs replace absent ones in order.
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

/** The memory of the GPU, MB; undefined if the driver does not report it. */
export const memoryOf = (state: GpuUse): number | undefined =>
  state.kind === 'measured' && state.memoryTotalMb !== undefined && state.memoryTotalMb >= 1
    ? Math.floor(state.memoryTotalMb)
    : undefined

/** The unit with the UUID, name and memory that the driver reports now; its last use and its drain stay. */
export function adopted(unit: Unit, match: Match | undefined): Unit {
  if (match === undefined || match.kind === 'missing') return unit
  const { device, memoryMb: memoryBefore, ...rest } = unit
  const { uuid, name, state } = match.reading
  // The driver may report a faulty GPU without its name.
  const isKnown = match.kind === 'replaced' || state.kind === 'measured'
  const next = { uuid: uuid === '' ? device.uuid : uuid, name: isKnown ? name : device.name }
  const memoryMb = memoryOf(state) ?? (match.kind === 'replaced' ? undefined : memoryBefore)
  if (next.uuid === device.uuid && next.name === device.name && memoryMb === memoryBefore) return unit
  return { ...rest, device: { ...device, ...next }, ...(memoryMb === undefined ? {} : { memoryMb }) }
}
