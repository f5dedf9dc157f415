import { CanhazgpuError } from '../domain/errors.ts'
import { isPossible } from '../domain/operation/acquisition.ts'
import { endWhere, settle } from '../domain/operation/ending.ts'
import { followClock } from '../domain/pool/clock.ts'
import type {
  Account,
  Moment,
  Policy,
  Pool,
  Probe,
  ProviderName,
  QueueEntry,
  Unit,
} from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import { gpuUnit } from '../domain/pool/units.ts'
import type { SetAside } from '../ports/set-aside.ts'
import type { Store } from '../ports/store.ts'
import { createPool, type Decision, loadPool } from './stored-pool.ts'

export interface SetUp {
  readonly host: string
  readonly gpuCount: number
  readonly force: boolean
  /** Who sets it up; the records of what ends by that name them. */
  readonly actor?: Account
  /** The rules that were named; the others stay as an existing pool has them. */
  readonly policy: Partial<Policy>
  /**
   * Looks for the machine's GPUs, with the provider of the existing pool unless another was named. Called only if
   * the pool may be set up.
   */
  readonly detect: (existing: ProviderName | undefined) => Promise<Probe>
}

const DEFAULT_POLICY: Policy = { allocation: 'lru' }

export interface PoolCreated {
  readonly kind: 'initialized' | 'reinitialized'
  readonly gpuCount: number
  /** The damaged store that it took the place of. */
  readonly damaged?: { readonly keptAs: string; readonly records: number }
}

/** Where a pool is kept, and the Unix group that it is for; null: every user. */
export interface StoredPlace {
  readonly path: string
  readonly group: string | null
}

/** Where the pool is kept, or will be. */
export interface PoolPlace {
  /** Null where nothing was set up there yet. */
  readonly open: () => Promise<Store | null>
  /** Creates it for the group, or for everyone; an existing one is given to them as well. */
  readonly create: () => Promise<Store>
  /** Moves a damaged store out of the way; null where there is none to be moved. */
  readonly setAside: () => Promise<SetAside | null>
  readonly forGroup: boolean
  readonly stopped: ProcessCheck['stopped']
}

/**
 * Creates the pool; with `force` it replaces an existing one, whose reservations end as `reset` and whose
 * line stays, but for those who wait for more than there is now. A damaged store is kept beside it then, and what can
 * be read of it taken over. Throws `pool-already-initialized`, and `impossible-request` where the driver shows
 * fewer GPUs; nothing is created then.
 */
export async function setUpPool(place: PoolPlace, setUp: SetUp): Promise<PoolCreated> {
  const before = await existingPool(place, setUp.force)
  if (before !== null && !setUp.force) throw alreadyInitialized(before)
  const probe = await setUp.detect(before?.provider)
  const units = unitsIn(probe, setUp.gpuCount)
  const { host, policy, actor } = setUp
  const renewal = { pool: { host, provider: probe.provider, units, policy }, actor }
  const aside = setUp.force ? await place.setAside() : null
  if (aside !== null) return replaceDamaged(aside, renewal, place.stopped)
  // Without a group named an existing pool stays with those who have it.
  const present = place.forGroup ? null : await place.open()
  const store = present ?? (await place.create())
  try {
    return await createPool({ store, stopped: place.stopped }, (existing, moment) => {
      if (existing !== null && !setUp.force) throw alreadyInitialized(existing)
      return begin(renewal, existing, moment)
    })
  } finally {
    store.close()
  }
}

interface Renewal {
  readonly pool: Pick<Pool, 'host' | 'provider' | 'units'> & Pick<SetUp, 'policy'>
  readonly actor: Account | undefined
}

/** As if the damaged pool were there still, as far as it can be read. */
async function replaceDamaged(
  aside: SetAside,
  renewal: Renewal,
  stopped: ProcessCheck['stopped'],
): Promise<PoolCreated> {
  try {
    const store = await aside.replace()
    const created = await createPool({ store, stopped }, (existing, moment) => {
      const readable = aside.pool === null ? null : followClock(aside.pool, moment)
      const begun = begin(renewal, existing ?? readable, moment)
      return { ...begun, ended: [...aside.records, ...begun.ended] }
    }).finally(() => store.close())
    return { ...created, damaged: { keptAs: aside.keptAs, records: aside.records.length } }
  } catch (error) {
    aside.putBack()
    throw error
  }
}

function begin(
  { pool: newPool, actor }: Renewal,
  existing: Pool | null,
  moment: Moment,
): Decision<PoolCreated> {
  const by = actor === undefined ? {} : { by: actor }
  // A reservation that expired, or that a reboot ended, does not count as ended by the reset.
  const settled =
    existing === null ? null : settle(existing, moment, { alive: () => 'alive', stopped: () => false })
  const reset =
    settled === null ? null : endWhere(settled.pool, () => ({ outcome: 'reset', at: moment.wall, ...by }))
  const ended = [...(settled?.ended ?? []), ...(reset?.ended ?? [])]
  const pool: Pool = {
    ...newPool,
    policy: { ...DEFAULT_POLICY, ...existing?.policy, ...newPool.policy },
    reservations: [],
    queue: settled === null ? [] : queueFor(newPool, settled.pool),
    writtenAt: moment,
  }
  const kind = existing === null ? 'initialized' : 'reinitialized'
  return { pool, ended, result: { kind, gpuCount: newPool.units.length } }
}

/** Null where there is no pool yet; with `force` also where it is damaged. */
async function existingPool(place: PoolPlace, force: boolean): Promise<Pool | null> {
  try {
    const present = await place.open()
    if (present === null) return null
    return await poolIn(present).finally(() => present.close())
  } catch (error) {
    if (force && error instanceof CanhazgpuError && error.code === 'store-corrupt') return null
    throw error
  }
}

/** Null where whoever created the store has not come to its pool: busy with it, or gone before. */
async function poolIn(store: Store): Promise<Pool | null> {
  try {
    return (await loadPool(store)).pool
  } catch (error) {
    if (error instanceof CanhazgpuError && error.code === 'pool-not-initialized') return null
    throw error
  }
}

/** Entries that can start in the new pool keep their places; that they could have started already is forgotten. */
function queueFor(newPool: Pick<Pool, 'units'>, { queue }: Pool): readonly QueueEntry[] {
  return queue
    .filter((entry) => isPossible(entry.request, newPool))
    .map(({ startableSince: _, ...entry }) => entry)
}

function alreadyInitialized(pool: Pool): CanhazgpuError {
  return new CanhazgpuError(
    'pool-already-initialized',
    `GPU pool already initialized with ${pool.units.length} GPUs. Use --force to reinitialize`,
  )
}

function unitsIn(probe: Probe, count: number): readonly Unit[] {
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
    .map(({ uuid, name }, number) => ({
      id: gpuUnit(number),
      device: { uuid, name },
      shape: { kind: 'gpu' },
    }))
}
