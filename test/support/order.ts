import type { Request } from '../../src/domain/pool/model.ts'
import { gpuUnit } from '../../src/domain/pool/units.ts'

/** One request of the line and what became of it, seen from outside. */
export interface Served {
  readonly id: string
  readonly request: Request
  /** Its place in line, counted from 0; newcomers come after everyone. */
  readonly place: number
  readonly gpus: readonly number[]
  readonly startedAt: number
  readonly endedAt: number
}

/**
 * Pairs in which the later one overtook, by rules that know nothing of the program. Where nobody declares an
 * end, who comes later may start earlier only on GPUs that the earlier one does not want, or while all those
 * that the earlier one got lay there for it.
 */
export function overtakings(all: readonly Served[]): [Served, Served][] {
  const isFree = (gpu: number, from: number, to: number): boolean =>
    !all.some((each) => each.gpus.includes(gpu) && each.startedAt < to && each.endedAt > from)
  return all.flatMap((earlier) =>
    all
      .filter((later) => later.place > earlier.place && later.startedAt < earlier.startedAt)
      .filter((later) => later.gpus.some((gpu) => wants(earlier.request, gpu)))
      .filter((later) => !earlier.gpus.every((gpu) => isFree(gpu, later.startedAt, earlier.startedAt)))
      .map((later): [Served, Served] => [earlier, later]),
  )
}

/** Two that had one GPU at the same time. */
export function clashes<Stay extends { gpus: readonly number[]; from: number; to: number }>(
  all: readonly Stay[],
): [Stay, Stay][] {
  return all.flatMap((a, nth) =>
    all
      .slice(nth + 1)
      .filter((b) => a.gpus.some((gpu) => b.gpus.includes(gpu)) && a.from < b.to && b.from < a.to)
      .map((b): [Stay, Stay] => [a, b]),
  )
}

const wants = (request: Request, gpu: number): boolean =>
  request.kind === 'count' || request.ids.includes(gpuUnit(gpu))

/** Whether it got what it asked for, all of it and nothing else. */
export const isAsAsked = ({ request, gpus }: Pick<Served, 'request' | 'gpus'>): boolean =>
  request.kind === 'count' ? gpus.length === request.count : String(gpus) === String(request.ids)
