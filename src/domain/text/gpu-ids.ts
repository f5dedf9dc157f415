import { CanhazgpuError } from '../errors.ts'
import type { UnitId } from '../pool/model.ts'
import { gpuUnit } from '../pool/units.ts'

const LARGEST_ID = 1023

/** Reads `1,3`, `0-3` or `0-1,5`: sorted. Throws `usage` for anything else, and for an id named twice. */
export function parseGpuIds(text: string): readonly UnitId[] {
  const refuse = (why: string): never => {
    throw new CanhazgpuError('usage', `Invalid GPU ids '${text}': ${why}`, {
      hint: 'use for example 1,3 or 0-3',
    })
  }
  const ids = new Set<number>()
  for (const part of text.split(',')) {
    const [, first, last] = /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part) ?? []
    if (first === undefined) refuse('expected numbers and ranges, separated by commas')
    const from = Number(first)
    const to = Number(last ?? first)
    if (to < from) return refuse(`the range ${part.trim()} runs backwards`)
    if (to > LARGEST_ID) return refuse(`the largest id is ${LARGEST_ID}`)
    for (let id = from; id <= to; id++) {
      if (ids.has(id)) refuse(`GPU ${id} is named twice`)
      ids.add(id)
    }
  }
  return [...ids].sort((a, b) => a - b).map(gpuUnit)
}

/** `0-3, 6`: the format of `parseGpuIds`, with spaces. The ids must be in order. */
export function idRanges(ids: readonly UnitId[]): string {
  const ranges: { first: UnitId; last: UnitId }[] = []
  for (const id of ids) {
    const range = ranges.at(-1)
    if (range !== undefined && Number(id) === Number(range.last) + 1) range.last = id
    else ranges.push({ first: id, last: id })
  }
  return ranges.map(({ first, last }) => (first === last ? first : `${first}-${last}`)).join(', ')
}
