import type { Gpu, GpuId, GpuReading } from '../pool/model.ts'

/**
 * What the driver shows for one GPU of the pool. `replaced`: another GPU, which the pool does not know, is in its
 * place. `missing`: none.
 */
export type Match =
  | { readonly kind: 'same'; readonly reading: GpuReading }
  | { readonly kind: 'replaced'; readonly reading: GpuReading }
  | { readonly kind: 'missing' }

export const ADOPTS = "'sudo canhazgpu admin --refresh'"

/** What to say where the driver knows none of the pool's GPUs. */
export const allNew = (count: number): string =>
  `the driver knows none of the ${count} GPUs of the pool by their UUIDs, but shows others in their places`

/**
 * Matches GPUs by UUID: a lost card shifts the driver's numbers. A card that is lost, or was when the pool was set
 * up, has no UUID to go by; then its number must do. Unknown GPUs replace absent ones of the same number, and in
 * order where the driver shows as many GPUs as the pool has.
 */
export function matchDevices(
  gpus: readonly Gpu[],
  readings: readonly GpuReading[],
): ReadonlyMap<GpuId, Match> {
  const byUuid = new Map(readings.map((reading) => [reading.uuid, reading]))
  const byIndex = new Map(readings.map((reading) => [reading.index, reading]))
  const matches = new Map<GpuId, Match>()
  for (const gpu of gpus) {
    const sameNumber = byIndex.get(gpu.id)
    const isNameless = gpu.uuid === '' || sameNumber?.uuid === ''
    const reading = (gpu.uuid !== '' && byUuid.get(gpu.uuid)) || (isNameless && sameNumber)
    if (reading) matches.set(gpu.id, { kind: 'same', reading })
  }
  if (matches.size < gpus.length) replaceAbsent(matches, gpus, readings)
  return matches
}

function replaceAbsent(
  matches: Map<GpuId, Match>,
  gpus: readonly Gpu[],
  readings: readonly GpuReading[],
): void {
  const known = new Set([...matches.values()].map((match) => match.kind === 'same' && match.reading))
  const fresh = new Set(
    readings.filter((reading) => !known.has(reading)).toSorted((a, b) => a.index - b.index),
  )
  const replace = (id: GpuId, reading: GpuReading | undefined) => {
    if (reading === undefined) return
    fresh.delete(reading)
    matches.set(id, { kind: 'replaced', reading })
  }
  const absent = () => gpus.filter(({ id }) => !matches.has(id))
  for (const { id } of absent())
    replace(
      id,
      [...fresh].find(({ index }) => index === id),
    )
  if (readings.length === gpus.length) {
    for (const { id } of absent()) replace(id, [...fresh][0])
  }
  for (const { id } of absent()) matches.set(id, { kind: 'missing' })
}

/** A GPU as the driver shows it now, with what the pool remembers of its place. */
export function adopted(gpu: Gpu, match: Match | undefined): Gpu {
  if (match === undefined || match.kind === 'missing') return gpu
  const { uuid, name, state } = match.reading
  // A faulty GPU may be shown without its identity.
  const isKnown = match.kind === 'replaced' || state.kind === 'measured'
  const next = { ...gpu, uuid: uuid === '' ? gpu.uuid : uuid, name: isKnown ? name : gpu.name }
  return next.uuid === gpu.uuid && next.name === gpu.name ? gpu : next
}
