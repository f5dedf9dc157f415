import type { Request } from '../../src/domain/pool/model.ts'
import { gpuUnit } from '../../src/domain/pool/units.ts'

/** A request in the queue, and its grant. */
export interface Served {
  readonly id: string
  readonly request: Request
  /** Its place in the queue, counted from 0. Newcomers are last. */
  readonly place: number
  readonly gpus: readonly number[]
  readonly startedAt: number
  readonly endedAt: number
}

/**
 * Pairs in which the later request overtook the earlier one. The rules here share no code with the program. Without
 * declared ends, a later request may start first only on GPUs that the earlier one does not want, or while all GPUs that
 * the earlier one got were free.
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

/** Pairs that had the same GPU at the same time. */
export function pairsOnOneGpu<Run extends { gpus: readonly number[]; from: number; to: number }>(
  all: readonly Run[],
): [Run, Run][] {
  return all.flatMap((a, nth) =>
    all
      .slice(nth + 1)
      .filter((b) => a.gpus.some((gpu) => b.gpus.includes(gpu)) && a.from < b.to && b.from < a.to)
      .map((b): [Run, Run] => [a, b]),
  )
}

const wants = (request: Request, gpu: number): boolean =>
  request.kind === 'count' || request.ids.includes(gpuUnit(gpu))

/** Whether the request got exactly its GPUs. */
export const hasRequestedGpus = ({ request, gpus }: Pick<Served, 'request' | 'gpus'>): boolean =>
  request.kind === 'count' ? gpus.length === request.count : String(gpus) === String(request.ids)
