import type { Pool, Request, Requirements, Unit, UnitId } from './model.ts'

/** The units that a request may be granted at some time. */
export const wantedUnits = ({ units }: Pick<Pool, 'units'>, request: Request): readonly UnitId[] =>
  request.kind === 'ids' ? request.ids : units.filter((unit) => isSuitable(unit, request)).map(({ id }) => id)

/** Whether a unit meets the requirements. A unit of unknown memory has none. */
export function isSuitable({ device, memoryMb = 0 }: Unit, requirements: Requirements): boolean {
  const { gpuTypes, leastMemoryMb = 0 } = requirements
  if (memoryMb < leastMemoryMb) return false
  return gpuTypes === undefined || gpuTypes.some((type) => isOfType(device.name, type))
}

export const requirementsOf = ({ gpuTypes, leastMemoryMb }: Requirements): Requirements => ({
  ...(gpuTypes === undefined ? {} : { gpuTypes }),
  ...(leastMemoryMb === undefined ? {} : { leastMemoryMb }),
})

export const hasRequirements = ({ gpuTypes, leastMemoryMb }: Requirements): boolean =>
  gpuTypes !== undefined || leastMemoryMb !== undefined

/**
 * Whether the type is one or more whole consecutive words of the driver's name, without regard to case and separators:
 * `h100`, `rtx-4090`, `rtx4090`. A part of a word does not count: an A100 is not an `a10`, and an L40S not an `l4`.
 */
export function isOfType(name: string, type: string): boolean {
  const words = wordsOf(name)
  const wanted = wordsOf(type).join('')
  return words.some((_, first) => {
    let joined = ''
    for (let at = first; at < words.length && joined.length < wanted.length; at++) joined += words[at]
    return joined === wanted && wanted !== ''
  })
}

/** A type that selects the GPUs of this name: the first word with letters and digits, or else the whole name. */
export function typeIn(name: string): string {
  const words = wordsOf(name)
  return words.find((word) => /\p{L}/u.test(word) && /\p{N}/u.test(word)) ?? words.join('-')
}

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
