import type { Request } from '../../src/domain/pool/model.ts'
import { gpuUnit } from '../../src/domain/pool/units.ts'

/** One request of the queue and its result, observed from outside. */
export interface Served {
  readonly id: string
  readonly request: Request
  /** Its place in the queue, counted from 0; newcomers come last. */
  readonly place: number
  readonly gpus: readonly number[]
  readonly startedAt: number
  readonly endedAt: number
}

/**
 * Pairs in which the later request overtook the earlier one, by rules that are independent of the program. Without
 * declared ends, a later request may start earlier only on GPUs that the earlier one does not want, or while all GPUs
 * that the earlier one got were free.
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

/** Pairs that had one GPU at the same time. */
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

/** Whether it got exactly the requested GPUs. */
export const isAsAsked = ({ request, gpus }: Pick<Served, 'request' | 'gpus'>): boolean =>
  request.kind === 'count' ? gpus.length === request.count : String(gpus) === String(request.ids)
