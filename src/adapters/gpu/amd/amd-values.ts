import { complaintInNumber, firstLine, isNoReading } from '../driver-text.ts'
import { at } from './amd-documents.ts'

export type Path = readonly string[]

/**
 * A number: `{ "value": 283, "unit": "MB" }`, `283` or `"283 MB"`. Undefined for anything else and for negative
 * numbers.
 */
export function amountIn(value: unknown): number | undefined {
  const bare = typeof value === 'object' ? at(value, 'value') : value
  const number = typeof bare === 'string' ? numberIn(bare)?.number : bare
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : undefined
}

const MIB: Readonly<Record<string, number>> = {
  B: 1 / 1024 ** 2,
  KB: 1 / 1024,
  MB: 1,
  GB: 1024,
  TB: 1024 ** 2,
}

/** An amount of memory; amd-smi's "MB" are MiB. */
export function megabytes(value: unknown, unit = 'MB'): number | undefined {
  const reportedUnit = typeof value === 'string' ? numberIn(value)?.unit : textAt(value, ['unit'])
  const factor = MIB[reportedUnit || unit]
  const whole = Math.floor((amountIn(value) ?? Number.NaN) * (factor ?? Number.NaN))
  return Number.isSafeInteger(whole) ? whole : undefined
}

/** The text at this path; undefined if amd-smi has none. */
export function textAt(value: unknown, path: Path): string | undefined {
  const text = at(value, ...path)
  return typeof text === 'string' && !isNoReading(text) ? firstLine(text) || undefined : undefined
}

/** amd-smi's complaint in place of the reading at this path, or of a part of the path. */
export function complaintAt(value: unknown, path: Path): string | undefined {
  for (let length = 1; length <= path.length; length++) {
    const found = at(value, ...path.slice(0, length))
    const text = typeof found === 'object' ? at(found, 'value') : found
    const complaint = typeof text === 'string' ? complaintInNumber(text) : undefined
    if (complaint !== undefined) return complaint
  }
  return undefined
}

function numberIn(text: string): { readonly number: number; readonly unit: string } | undefined {
  const [, number, unit = ''] = /^\s*(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z%]{0,3})\s*$/.exec(text) ?? []
  return number === undefined ? undefined : { number: Number(number), unit }
}
