import { isPossible } from './acquisition.ts'
import type { Pool, Reservation } from './model.ts'

/** Something wrong with a stored pool, and what to do about it. */
export interface Problem {
  /**
   * `damage`: what is stored is not what was written. `foreign`: somebody planted it. `access`: people who should use
   * the pool cannot, or others can harm it. `device`: the driver shows other GPUs.
   */
  readonly kind: 'damage' | 'foreign' | 'access' | 'device'
  readonly what: string
  readonly cure: string
}

/** A stored pool that was looked over. */
export interface Checkup {
  readonly path: string
  readonly problems: readonly Problem[]
  /** Absent where it cannot be read. */
  readonly pool?: Pool
  /** Absent where the damage leaves nothing to be counted. */
  readonly counts?: {
    readonly gpus: number
    readonly reservations: number
    readonly waiting: number
    readonly records: number
  }
}

/** What in this pool breaks the rules that every decision keeps, one sentence each; none in a sound pool. */
export function poolFaults(pool: Pool): readonly string[] {
  return [
    ...(pool.gpus.length === 0 ? ['there is no GPU'] : []),
    ...doubleHolders(pool),
    ...pool.reservations.flatMap((held) => gpuFaults(held, pool)),
    ...lineFaults(pool),
  ]
}

function doubleHolders({ gpus, reservations }: Pool): readonly string[] {
  const holdersOf = Map.groupBy(
    reservations.flatMap((held) => [...new Set(held.gpus)].map((gpu) => ({ gpu, id: held.id }))),
    ({ gpu }) => gpu,
  )
  return gpus.flatMap(({ id }) => {
    const holders = holdersOf.get(id) ?? []
    return holders.length < 2
      ? []
      : [`GPU ${id} is in ${holders.length} reservations (${holders.map((held) => held.id).join(', ')})`]
  })
}

function gpuFaults({ id, gpus }: Reservation, pool: Pool): readonly string[] {
  const unknown = gpus.filter((gpu) => gpu >= pool.gpus.length)
  const inOrder = gpus.every((gpu, at) => at === 0 || gpu > (gpus[at - 1] ?? gpu))
  return [
    ...(unknown.length === 0
      ? []
      : [`reservation ${id} holds GPU ${unknown.join(', ')}, which does not exist`]),
    ...(inOrder ? [] : [`reservation ${id} names GPUs twice or out of order (${gpus.join(', ')})`]),
  ]
}

function lineFaults({ gpus, reservations, queue }: Pool): readonly string[] {
  const ids = [...reservations, ...queue].map(({ id }) => id)
  const seen = new Set<string>()
  const twice = new Set(ids.filter((id) => seen.size === seen.add(id).size))
  return [
    ...(ids.includes('') ? ['an id is empty'] : []),
    ...[...twice].map((id) => `the id ${id} stands for more than one reservation or place in line`),
    ...queue
      .filter(({ request }) => !isPossible(request, gpus.length))
      .map(({ id }) => `${id} waits in line for GPUs that do not exist`),
    ...queue
      .filter(({ request }) => request.kind === 'ids' && new Set(request.ids).size < request.ids.length)
      .map(({ id }) => `${id} waits in line for a GPU twice`),
  ]
}
