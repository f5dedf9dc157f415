import { isPossible } from '../domain/acquisition.ts'
import { endWhere } from '../domain/ending.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Gpu, Pool, PoolSettings, Probe, QueueEntry } from '../domain/model.ts'
import type { Store } from '../domain/ports.ts'

export interface SetUp {
  readonly host: string
  readonly gpuCount: number
  readonly force: boolean
  readonly settings: PoolSettings
  /** Looks for the machine's GPUs; called only if the pool may be set up. */
  readonly detect: () => Promise<Probe>
}

export interface PoolCreated {
  readonly kind: 'initialized' | 'reinitialized'
  readonly gpuCount: number
}

/** Where the pool is kept, or will be. */
export interface PoolPlace {
  /** Null where nothing was set up there yet. */
  readonly open: () => Promise<Store | null>
  /** Creates it for the group, or for everyone; an existing one is given to them as well. */
  readonly create: () => Promise<Store>
  readonly forGroup: boolean
}

/**
 * Creates the pool; with `force` it replaces an existing one, whose reservations end as `reset` and whose
 * line stays, but for those who wait for more than there is now. Throws `pool-already-initialized`, and
 * `impossible-request` where the driver shows fewer GPUs; nothing is created then.
 */
export async function setUpPool(place: PoolPlace, setUp: SetUp): Promise<PoolCreated> {
  const present = await place.open()
  const before = present === null || setUp.force ? null : await poolIn(present)
  if (before !== null) refuseExisting(before)
  const probe = await setUp.detect()
  const gpus = gpusOf(probe, setUp.gpuCount)
  // Without a group named an existing pool stays with those who have it.
  const store = present !== null && !place.forGroup ? present : await place.create()
  return store.initialize((existing, moment) => {
    if (existing !== null && !setUp.force) refuseExisting(existing)
    const ended =
      existing === null ? [] : endWhere(existing, () => ({ outcome: 'reset', at: moment.wall })).ended
    const pool: Pool = {
      host: setUp.host,
      provider: probe.provider,
      gpus,
      reservations: [],
      queue: existing === null ? [] : lineFor(existing, gpus.length),
      settings: setUp.settings,
      writtenAt: moment,
    }
    const kind = existing === null ? 'initialized' : 'reinitialized'
    return { pool, ended, result: { kind, gpuCount: gpus.length } }
  })
}

/** Null where whoever created the store has not come to its pool: busy with it, or gone before. */
async function poolIn(store: Store): Promise<Pool | null> {
  try {
    return (await store.read()).pool
  } catch (error) {
    if (error instanceof CanhazgpuError && error.code === 'pool-not-initialized') return null
    throw error
  }
}

/** Those who can still be served keep their places; that they could be served already is forgotten. */
function lineFor({ queue }: Pool, gpuCount: number): readonly QueueEntry[] {
  return queue
    .filter((entry) => isPossible(entry.request, gpuCount))
    .map(({ servableSince: _, ...entry }) => entry)
}

function refuseExisting(pool: Pool): never {
  throw new CanhazgpuError(
    'pool-already-initialized',
    `GPU pool already initialized with ${pool.gpus.length} GPUs. Use --force to reinitialize`,
  )
}

function gpusOf(probe: Probe, count: number): readonly Gpu[] {
  const found = probe.readings.length
  if (found < count) {
    throw new CanhazgpuError(
      'impossible-request',
      `Cannot set up ${count} GPUs: ${probe.provider} shows ${found}`,
      { hint: `use --gpus ${found}` },
    )
  }
  return probe.readings
    .toSorted((a, b) => a.index - b.index)
    .slice(0, count)
    .map((reading, id) => ({ id, uuid: reading.uuid, name: reading.name }))
}
