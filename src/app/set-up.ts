import { CanhazgpuError } from '../domain/errors.ts'
import type { NewPool } from '../domain/operation/operation.ts'
import { isRefusal, type Refusal } from '../domain/operation/refusal.ts'
import type { Account, Policy, Pool, Probe, ProviderName, Unit } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import { gpuUnit } from '../domain/pool/units.ts'
import type { SetAside } from '../ports/set-aside.ts'
import type { Store } from '../ports/store.ts'
import type { Trace } from '../ports/trace.ts'
import { look } from './look.ts'
import { performSetUp } from './perform.ts'

export interface SetUp {
  readonly host: string
  readonly gpuCount: number
  readonly force: boolean
  /** Who sets it up; the records of what ends by that name them. */
  readonly actor: Account
  readonly processes: ProcessCheck
  /** The rules that were named; the others stay as an existing pool has them. */
  readonly policy: Partial<Policy>
  /**
   * Looks for the machine's GPUs, with the provider of the existing pool unless another was named. Called only if
   * the pool may be set up.
   */
  readonly detect: (existing: ProviderName | undefined) => Promise<Probe>
}

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
  readonly trace?: Trace
}

/**
 * Creates the pool; with `force` it replaces an existing one, whose reservations end as `reset` and whose
 * queue stays, but for requests for more than there is now. A damaged store is kept beside it then, and what can
 * be read of it taken over. Nothing is created where it is refused.
 */
export async function setUpPool(place: PoolPlace, setUp: SetUp): Promise<PoolCreated | Refusal> {
  const { host, policy, force, gpuCount } = setUp
  const before = await existingPool(place, force)
  if (before !== null && !force)
    return { refused: { code: 'already-initialized', units: before.units.length } }
  const probe = await setUp.detect(before?.provider)
  const { provider } = probe
  const shown = probe.readings.length
  if (shown < gpuCount) return { refused: { code: 'too-few-devices', asked: gpuCount, shown, provider } }
  const newPool: NewPool = { host, provider, units: unitsIn(probe, gpuCount), policy, force }
  const aside = force ? await place.setAside() : null
  const traced = place.trace === undefined ? {} : { trace: place.trace }
  if (aside !== null) return replaceDamaged(aside, { ...setUp, ...traced }, newPool)
  // Without a group named an existing pool stays with those who have it.
  const present = place.forGroup ? null : await place.open()
  return created(present ?? (await place.create()), { ...setUp, ...traced }, newPool)
}

type Traced = SetUp & Pick<PoolPlace, 'trace'>

async function created(
  store: Store,
  { actor, processes, trace, gpuCount }: Traced,
  newPool: NewPool,
): Promise<PoolCreated | Refusal> {
  try {
    const answer = await performSetUp(
      { store, actor, processes, ...(trace === undefined ? {} : { trace }) },
      { op: 'set-up', ...newPool },
    )
    return isRefusal(answer) ? answer : { ...answer, gpuCount }
  } finally {
    store.close()
  }
}

/** As if the damaged pool were there still, as far as it can be read. */
async function replaceDamaged(
  { replace, putBack, pool, records, keptAs }: SetAside,
  setUp: Traced,
  newPool: NewPool,
): Promise<PoolCreated | Refusal> {
  try {
    const answer = await created(await replace(), setUp, { ...newPool, salvaged: { pool, records } })
    return isRefusal(answer) ? answer : { ...answer, damaged: { keptAs, records: records.length } }
  } catch (error) {
    putBack()
    throw error
  }
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
    return (await look(store)).pool
  } catch (error) {
    if (error instanceof CanhazgpuError && error.code === 'pool-not-initialized') return null
    throw error
  }
}

function unitsIn(probe: Probe, count: number): readonly Unit[] {
  return probe.readings
    .toSorted((a, b) => a.index - b.index)
    .slice(0, count)
    .map(({ uuid, name }, number) => ({
      id: gpuUnit(number),
      device: { uuid, name },
      shape: { kind: 'gpu' },
    }))
}
