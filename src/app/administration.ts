import type { Answers, NewPool, Operations } from '../domain/operation/operation.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { TakenOver } from '../domain/original/take-over.ts'
import type { PolicyChange } from '../domain/policy/change.ts'
import type { Account, Policy, Pool, Probe, ProviderChoice, Scope, Unit } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { Checkup } from '../domain/pool/soundness.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { compareDriver, type DriverCheck } from './compare-driver.ts'
import {
  type OnSetUpProgress,
  type PoolCreated,
  type PoolPlace,
  planSetUp,
  type SetUp,
  type StoredPlace,
  setUpPool,
} from './set-up.ts'

/** What `admin`, `drain` and `restore` do. Each method throws `permission-denied` if the account must not. */
export interface Administration {
  setUp(wanted: WantedPool, onProgress?: OnSetUpProgress): Promise<PoolCreated | Refusal>
  /** Refuses what `setUp` would refuse, and changes nothing. */
  planSetUp(wanted: WantedPool): Promise<NewPool | Refusal>
  /** Examines pool and driver, and changes nothing. */
  check(): Promise<PoolCheck>
  /** Adopts the GPUs that the driver reports; returns the units that changed. */
  refresh(): Promise<readonly Unit[] | Refusal>
  settings(): Promise<{ readonly pool: Pool; readonly place: StoredPlace }>
  /** Takes GPUs out of service, or returns them. */
  drain(wanted: Operations['drain']): Promise<Answers['drain'] | Refusal>
  restore(wanted: Operations['restore']): Promise<Answers['restore'] | Refusal>
  /** Sets one rule. Throws `usage` for an unknown account or group. */
  setPolicy(change: NamedChange, reason?: string): Promise<Policy | Refusal>
}

/** The account or group of a limit, by name; the machine of the pool finds its id. A number is an id. */
export type NamedScope =
  | { readonly kind: 'pool' }
  | { readonly kind: 'account'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }

/** A change whose scope has no id yet. */
export type NamedChange =
  | Exclude<PolicyChange, { readonly scope: Scope }>
  | (Omit<Extract<PolicyChange, { readonly scope: Scope }>, 'scope'> & { readonly scope: NamedScope })

export interface WantedPool {
  readonly gpuCount: number
  readonly force: boolean
  /** The given rules; an existing pool keeps its other rules. */
  readonly policy: NewPool['policy']
  readonly provider?: ProviderChoice
  /** The Unix group that may use the pool; absent: every user, or the audience of the existing pool. */
  readonly group?: string
  /** The reservations and the history of a pool of another program. Only for a pool of this process. */
  readonly imported?: TakenOver
}

export interface PoolCheck extends Checkup {
  readonly driver?: DriverCheck
}

export interface AdministrationParts {
  readonly host: () => string
  readonly account: () => Promise<Account>
  /** The account that logged in, if that is another one. */
  readonly login: () => Promise<Account | undefined>
  readonly processes: ProcessCheck
  /** Throws `permission-denied` if this account must not change an existing pool. */
  readonly authorise: () => Promise<void>
  readonly pool: () => Promise<PoolService>
  readonly poolPlace: (group: string | undefined) => Promise<PoolPlace>
  readonly checkPool: () => Promise<Checkup>
  readonly storedPlace: () => Promise<StoredPlace>
  /** The id of an account or Unix group. Throws `usage` if there is none. */
  readonly findId: (kind: 'account' | 'group', name: string) => Promise<number>
  /** Detects GPUs with the named provider, or else with each provider. `fake` has `fakeCount` GPUs. */
  readonly detectGpus: (provider: ProviderChoice | undefined, fakeCount: number) => Promise<Probe>
}

/** Administers a pool of this process. */
export class LocalAdministration implements Administration {
  readonly #parts: AdministrationParts

  constructor(parts: AdministrationParts) {
    this.#parts = parts
  }

  /** A new pool needs no authorisation: it changes nothing that others use. */
  async setUp(wanted: WantedPool, onProgress?: OnSetUpProgress): Promise<PoolCreated | Refusal> {
    if (wanted.force) await this.#parts.authorise()
    const setUp = await this.#setUp(wanted)
    const reporting = onProgress === undefined ? {} : { onProgress }
    return setUpPool(await this.#parts.poolPlace(wanted.group), { ...setUp, ...reporting })
  }

  async planSetUp(wanted: WantedPool): Promise<NewPool | Refusal> {
    await this.#parts.authorise()
    return planSetUp(await this.#parts.poolPlace(wanted.group), await this.#setUp(wanted))
  }

  async #setUp({ gpuCount, force, policy, provider, imported }: WantedPool): Promise<SetUp> {
    const { host, account, processes, detectGpus } = this.#parts
    const login = await this.#parts.login()
    return {
      ...{ host: host(), gpuCount, force, actor: await account(), processes, policy },
      ...(login === undefined ? {} : { login }),
      ...(imported === undefined ? {} : { imported }),
      detect: (existing) => detectGpus(provider ?? existing, gpuCount),
    }
  }

  async check(): Promise<PoolCheck> {
    const { checkPool, detectGpus } = this.#parts
    const checkup = await checkPool()
    const { pool } = checkup
    if (pool === undefined) return checkup
    return {
      ...checkup,
      driver: await compareDriver(pool, () => detectGpus(pool.provider, pool.units.length)),
    }
  }

  async refresh(): Promise<readonly Unit[] | Refusal> {
    await this.#parts.authorise()
    return (await this.#parts.pool()).perform({ op: 'adopt-devices' })
  }

  async settings(): Promise<{ readonly pool: Pool; readonly place: StoredPlace }> {
    const { pool } = await (await this.#parts.pool()).view('stored')
    return { pool, place: await this.#parts.storedPlace() }
  }

  async setPolicy(change: NamedChange, reason?: string): Promise<Policy | Refusal> {
    await this.#parts.authorise()
    const pool = await this.#parts.pool()
    const named =
      'scope' in change ? { ...change, scope: await this.#scopeOf(change.scope, change.value, pool) } : change
    const why = reason === undefined ? {} : { reason }
    return pool.perform({ op: 'set-policy', change: named, ...why })
  }

  /** A limit can be unset although its account or group no longer exists. */
  async #scopeOf(scope: NamedScope, value: number | null, pool: PoolService): Promise<Scope> {
    if (scope.kind === 'pool') return scope
    const { limits = [] } = (await pool.view('stored')).pool.policy
    const stored = limits.find(
      (limit) => limit.scope.kind === scope.kind && nameOf(limit.scope) === scope.name,
    )
    if (value === null && stored !== undefined) return stored.scope
    const { kind, name } = scope
    const id = await this.#parts.findId(kind, name)
    return kind === 'account' ? { kind, uid: id, name } : { kind, gid: id, name }
  }
  async drain(wanted: Operations['drain']): Promise<Answers['drain'] | Refusal> {
    await this.#parts.authorise()
    return (await this.#parts.pool()).perform({ op: 'drain', ...wanted })
  }

  async restore(wanted: Operations['restore']): Promise<Answers['restore'] | Refusal> {
    await this.#parts.authorise()
    return (await this.#parts.pool()).perform({ op: 'restore', ...wanted })
  }
}

const nameOf = (scope: Scope): string | undefined => (scope.kind === 'pool' ? undefined : scope.name)
