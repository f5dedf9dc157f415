import { CanhazgpuError } from '../domain/errors.ts'
import { memoryOf } from '../domain/observation/devices.ts'
import type { Answers, NewPool } from '../domain/operation/operation.ts'
import { isRefusal, type Refusal } from '../domain/operation/refusal.ts'
import type { TakenOver } from '../domain/original/take-over.ts'
import type { Account, Pool, Probe, ProviderName, Unit } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import { gpuUnit } from '../domain/pool/units.ts'
import type { OnPart } from '../ports/progress.ts'
import type { SetAside } from '../ports/set-aside.ts'
import type { Store } from '../ports/store.ts'
import type { Trace } from '../ports/trace.ts'
import { performSetUp } from './perform.ts'
import { readPool } from './read-pool.ts'

/** What a set-up with many usage records does now, and the part of it that is done, from 0 to 1. */
export interface SetUpProgress {
  readonly task: 'read' | 'write'
  readonly part: number
}

export type OnSetUpProgress = (progress: SetUpProgress) => void

export interface SetUp {
  readonly host: string
  readonly gpuCount: number
  readonly force: boolean
  /** The account that sets up the pool. The records of reservations that the set-up ends name this account. */
  readonly actor: Account
  /** The account that logged in, if that is another one. */
  readonly login?: Account
  readonly processes: ProcessCheck
  /** The given rules; an existing pool keeps its other rules. */
  readonly policy: NewPool['policy']
  /** The reservations and the history of a pool of another program. */
  readonly imported?: TakenOver
  /**
   * Probes the machine's GPUs, with the provider of the existing pool unless the user named another. Called only if the
   * pool may be set up.
   */
  readonly detect: (existing: ProviderName | undefined) => Promise<Probe>
  readonly onProgress?: OnSetUpProgress
}

export type PoolCreated = Answers['set-up'] & {
  readonly gpuCount: number
  /** The damaged store that the pool replaced. */
  readonly damaged?: { readonly keptAs: string; readonly records: number }
}

/** The path of a pool, and the Unix group that may use it; null: every user. */
export interface StoredPlace {
  readonly path: string
  readonly group: string | null
}

/** The place of an existing or new pool. */
export interface PoolPlace {
  /** Null if there is no store yet. */
  readonly open: () => Promise<Store | null>
  /** Creates the store for the group, or for every user. An existing store gets the same permissions. */
  readonly create: () => Promise<Store>
  /** Moves a damaged store aside; null if there is none. */
  readonly setAside: (onPart: OnPart) => Promise<SetAside | null>
  readonly forGroup: boolean
  readonly trace?: Trace
  /** See `PerformInputs`. */
  readonly committed?: () => void
}

/**
 * Creates the pool. With `force` it replaces an existing one. The reservations of the old pool end as `reset`. Its queue
 * stays, except for requests that the new pool can never grant. A damaged store is kept; the new store takes over its
 * readable content. A refusal creates nothing.
 */
export async function setUpPool(place: PoolPlace, setUp: SetUp): Promise<PoolCreated | Refusal> {
  const newPool = await planSetUp(place, setUp)
  if (isRefusal(newPool)) return newPool
  const aside = setUp.force
    ? await place.setAside((part) => setUp.onProgress?.({ task: 'read', part }))
    : null
  const { trace, committed } = place
  const traced = {
    ...(trace === undefined ? {} : { trace }),
    ...(committed === undefined ? {} : { committed }),
  }
  if (aside !== null) return replaceDamaged(aside, { ...setUp, ...traced }, newPool)
  // Without `--group` an existing pool keeps its permissions.
  const existing = place.forGroup ? null : await place.open()
  return created(existing ?? (await place.create()), { ...setUp, ...traced }, newPool)
}

/** The pool that a set-up would create, or the refusal. Changes nothing. */
export async function planSetUp(place: PoolPlace, setUp: SetUp): Promise<NewPool | Refusal> {
  const { host, policy, force, gpuCount, imported } = setUp
  const before = await existingPool(place, force)
  if (before !== null && !force)
    return { refused: { code: 'already-initialized', units: before.units.length } }
  const probe = await setUp.detect(before?.provider)
  const { provider } = probe
  const shown = probe.readings.length
  if (shown < gpuCount) return { refused: { code: 'too-few-devices', asked: gpuCount, shown, provider } }
  return {
    ...{ host, provider, units: unitsIn(probe, gpuCount), policy, force },
    ...(imported === undefined ? {} : { imported }),
  }
}

type Traced = SetUp & Pick<PoolPlace, 'trace' | 'committed'>

async function created(
  store: Store,
  { actor, login, processes, trace, committed, gpuCount, onProgress }: Traced,
  newPool: NewPool,
): Promise<PoolCreated | Refusal> {
  try {
    const answer = await performSetUp(
      {
        ...{ store, actor, processes },
        onPart: (part) => onProgress?.({ task: 'write', part }),
        ...(login === undefined ? {} : { login }),
        ...(trace === undefined ? {} : { trace }),
        ...(committed === undefined ? {} : { committed }),
      },
      { op: 'set-up', ...newPool },
    )
    return isRefusal(answer) ? answer : { ...answer, gpuCount }
  } finally {
    store.close()
  }
}

/** Sets up the pool in an empty store, with the readable content of the damaged one. */
async function replaceDamaged(
  { replace, putBack, keptAs, pool, records, sums, audit }: SetAside,
  setUp: Traced,
  newPool: NewPool,
): Promise<PoolCreated | Refusal> {
  try {
    const answer = await created(await replace(), setUp, {
      ...newPool,
      salvaged: { pool, records, sums, audit },
    })
    return isRefusal(answer) ? answer : { ...answer, damaged: { keptAs, records: records.length } }
  } catch (error) {
    putBack()
    throw error
  }
}

/** Null if there is no pool yet; with `force` also if the pool is damaged. */
async function existingPool(place: PoolPlace, force: boolean): Promise<Pool | null> {
  try {
    const store = await place.open()
    if (store === null) return null
    return await poolIn(store).finally(() => store.close())
  } catch (error) {
    if (force && error instanceof CanhazgpuError && error.code === 'store-corrupt') return null
    throw error
  }
}

/** Null if the store has no pool: its creator has not written the pool yet, or was killed before. */
async function poolIn(store: Store): Promise<Pool | null> {
  try {
    return (await readPool(store)).pool
  } catch (error) {
    if (error instanceof CanhazgpuError && error.code === 'pool-not-initialized') return null
    throw error
  }
}

function unitsIn(probe: Probe, count: number): readonly Unit[] {
  return probe.readings
    .toSorted((a, b) => a.index - b.index)
    .slice(0, count)
    .map(({ uuid, name, state }, number) => {
      const memoryMb = memoryOf(state)
      return {
        id: gpuUnit(number),
        device: { uuid, name },
        shape: { kind: 'gpu' },
        ...(memoryMb === undefined ? {} : { memoryMb }),
      }
    })
}
