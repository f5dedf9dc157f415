import { CanhazgpuError } from '../domain/errors.ts'
import type { UsageAnswers, UsageQuestion, UsageQuestions } from '../domain/ledger/usage-question.ts'
import { reservedUnits } from '../domain/observation/allocation.ts'
import { evidenceOf, type Observation } from '../domain/observation/observation.ts'
import { readingsOf, unknownReadings } from '../domain/observation/readings.ts'
import { type Sample, stalenessOf } from '../domain/observation/sample.ts'
import { type Overview, statusOf } from '../domain/observation/status.ts'
import { thresholdOf } from '../domain/observation/threshold.ts'
import { impossibleIn } from '../domain/operation/acquisition.ts'
import { needsReading, nextReadingAt } from '../domain/operation/booked.ts'
import { settle } from '../domain/operation/ending.ts'
import type { Answers, Operation, PoolOperationName } from '../domain/operation/operation.ts'
import { isRefusal, type Refusal } from '../domain/operation/refusal.ts'
import { rulesFor } from '../domain/policy/own-rules.ts'
import type { Account, Pool, Request } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import { type QueueOverview, queuePlaces } from '../domain/schedule/queue-places.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { Patience, PoolService, TimedPool, Views } from '../ports/pool-service.ts'
import type { Trace } from '../ports/trace.ts'
import { perform } from './perform.ts'
import { readPool, readSettledPool } from './read-pool.ts'

/** The parts of a local pool. */
export interface LocalParts {
  readonly store: OpenedPool
  readonly processes: ProcessCheck
  /** The account that performs the operations. Called for each one, because the lookup may be slow. */
  readonly actor: () => Promise<Account>
  /** The account that logged in, if that is another one: it is recorded with changes of the pool. */
  readonly login?: () => Promise<Account | undefined>
  /** The Unix groups of that account. Absent: limits for groups do not apply to it. */
  readonly groups?: () => readonly number[]
  /** See `PerformInputs`. */
  readonly isRequesterGone?: () => boolean
  /** See `PerformInputs`. */
  readonly hasEnded?: (id: string) => boolean
  /** Absent for a process that never probes. */
  readonly driver?: Driver
  readonly trace?: Trace
  /** See `Patience`. */
  readonly interruption?: AbortSignal
  /** See `PerformInputs`. */
  readonly committed?: () => void
}

/**
 * What a sample is for. A decision needs a probe that begins after the request, or none at all. A view may show a
 * recent or a stale one.
 */
export type SamplePurpose = 'decision' | 'view'

/** How the driver of a pool is probed. */
export interface Driver {
  /** Throws as `GpuProvider.probe`. A sample for a decision is never stale. */
  readonly sample: (pool: Pool, purpose: SamplePurpose) => Promise<Sample>
  /** The memory threshold that the caller requests, MB; null: the pool's threshold. See `thresholdOf`. */
  readonly askedThresholdMb: number | null
  /** Whether this process can determine the owners of the processes in a probe. */
  readonly seesOwners: () => boolean
}

/** The operations to which limits apply. */
const USES_GROUPS: ReadonlySet<PoolOperationName> = new Set([
  'acquire',
  'claim',
  'join',
  'extend',
  'book',
] as const)

/** The operations that are recorded with their author. */
const AUDITED: ReadonlySet<PoolOperationName> = new Set([
  'adopt-devices',
  'drain',
  'restore',
  'set-policy',
] as const)

/** Provides the observation for an operation, or refuses it before a probe. */
type Prepare<Name extends PoolOperationName> = (
  operation: Operation<Name>,
) => Promise<{ readonly observed?: Observation } | Refusal>

/** The pool service of this process: its own store, kernel and driver. */
export class LocalPool implements PoolService {
  readonly #parts: LocalParts
  /** The pool of the last read. It determines which driver is probed and which units can be requested. */
  #lastRead: Pool | undefined
  /** An operation that can be refused without a probe causes none. */
  readonly #preparations: { readonly [Name in PoolOperationName]?: Prepare<Name> } = {
    acquire: ({ intent }) => this.#observedFor(intent.request),
    claim: async ({ intent }) =>
      this.#driver.seesOwners() ? this.#observedFor(intent.request) : { refused: { code: 'owners-unknown' } },
    book: ({ intent }) => this.#observedFor(intent.request),
    settle: () => this.#observedForBookings(),
    'adopt-devices': async () => ({ observed: await this.#observedIn(await this.#knownPool()) }),
  }

  constructor(parts: LocalParts) {
    this.#parts = parts
  }

  async perform<Name extends PoolOperationName>(
    operation: Operation<Name>,
  ): Promise<Answers[Name] | Refusal> {
    return this.#traced(operation.op, async () => {
      const { actor, login: loggedIn, groups, ...parts } = this.#parts
      const prepare: Prepare<Name> | undefined = this.#preparations[operation.op]
      const prepared = (await prepare?.(operation)) ?? {}
      if (isRefusal(prepared)) return prepared
      const known = groups !== undefined && USES_GROUPS.has(operation.op) ? { groups: groups() } : {}
      const login = AUDITED.has(operation.op) ? await loggedIn?.() : undefined
      const recorded = login === undefined ? {} : { login }
      return perform({ ...parts, actor: await actor(), ...recorded, ...known, ...prepared }, operation)
    })
  }

  async #traced<Answer>(during: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask()
    } catch (error) {
      this.#parts.trace?.({ kind: 'error', during, error })
      throw error
    }
  }

  get #driver(): Driver {
    if (this.#parts.driver === undefined) throw new Error('this process has no driver')
    return this.#parts.driver
  }

  async #observedFor(request: Request): Promise<{ readonly observed: Observation } | Refusal> {
    const pool = await this.#knownPool()
    const impossible = impossibleIn(pool, request)
    if (impossible !== null) return impossible
    return { observed: await this.#observedIn(pool) }
  }

  /** A driver that fails does not keep reservations from ending. */
  async #observedForBookings(): Promise<{ readonly observed?: Observation }> {
    if (this.#parts.driver === undefined) return {}
    const last = this.#lastRead
    // Without bookings no time makes a reading necessary.
    if (last !== undefined && nextReadingAt(last, 0) === Number.POSITIVE_INFINITY) return {}
    const { pool, moment } = await this.#readPool()
    if (!needsReading(pool, moment.wall)) return {}
    const sample = await this.#trySample(pool, 'decision')
    if (sample instanceof CanhazgpuError) return {}
    return { observed: { probe: sample.probe, askedThresholdMb: this.#driver.askedThresholdMb } }
  }

  async #knownPool(): Promise<Pool> {
    return this.#lastRead ?? (await this.#readPool()).pool
  }

  async #readPool(): Promise<TimedPool> {
    const timed = await readPool(this.#parts.store)
    this.#lastRead = timed.pool
    return timed
  }

  /** The observation for a decision. */
  async #observedIn(pool: Pool): Promise<Observation> {
    const { probe } = await this.#sample(pool, 'decision')
    return { probe, askedThresholdMb: this.#driver.askedThresholdMb }
  }

  view<Name extends keyof Views>(question: Name): Promise<Views[Name]> {
    const views: { readonly [Each in keyof Views]: () => Promise<Views[Each]> } = {
      stored: () => this.#readPool(),
      settled: () => this.#settledView(),
      observed: () => this.#observed(),
      status: () => this.#status(),
      queue: () => this.#queue(),
      policy: () => this.#policy(),
      account: () => this.#parts.actor(),
      turns: () => this.#parts.store.turns(),
    }
    return this.#traced(question, views[question])
  }

  async #settledView(): Promise<Views['settled']> {
    const { processes } = this.#parts
    const timed = await readSettledPool(this.#parts)
    const stopped = timed.pool.queue.filter(({ process }) => processes.stopped(process)).map(({ id }) => id)
    return { ...timed, stopped }
  }

  async #observed(): Promise<Views['observed']> {
    const seen = await this.#readPool()
    const taken = await this.#sample(seen.pool, 'view')
    const stale = stalenessOf(taken, seen.moment.wall)
    const observation = { probe: taken.probe, askedThresholdMb: this.#driver.askedThresholdMb }
    return { ...seen, observation, ...(stale === undefined ? {} : { stale }) }
  }

  /** Records ended reservations first, so that the history is up to date. Works without write access too. */
  async #status(): Promise<Overview> {
    const { pool: settled, moment } = await this.#settled()
    const sample = await this.#trySample(settled)
    const pool = await this.#withBookingsFollowed({ pool: settled, moment }, sample)
    const view = { now: moment.wall, thresholdMb: thresholdOf(pool, this.#driver.askedThresholdMb) }
    if (sample instanceof CanhazgpuError) {
      const unknown = unknownReadings(pool, sample.message)
      return { pool, view, gpus: statusOf(pool, unknown, view.thresholdMb), driverFailure: sample }
    }
    const stale = stalenessOf(sample, moment.wall)
    const gpus = statusOf(pool, readingsOf(pool, sample.probe), view.thresholdMb)
    return { pool, view, gpus, ...(stale === undefined ? {} : { stale }) }
  }

  async #settled(): Promise<TimedPool> {
    const { pool, moment } = await this.#readPool()
    const settled = settle(pool, moment, this.#parts.processes)
    if (settled.pool === pool) return { pool, moment }
    return (await this.#settledWith({})) ?? { pool: settled.pool, moment }
  }

  /** The sample begins bookings that are due, and shows which of those that have begun are used. */
  async #withBookingsFollowed({ pool, moment }: TimedPool, sample: Sample | CanhazgpuError): Promise<Pool> {
    if (!needsReading(pool, moment.wall)) return pool
    if (sample instanceof CanhazgpuError || sample.stale !== undefined) return pool
    const observed = { probe: sample.probe, askedThresholdMb: this.#driver.askedThresholdMb }
    return (await this.#settledWith({ observed }))?.pool ?? pool
  }

  /** Null without write access. */
  async #settledWith(seen: { readonly observed?: Observation }): Promise<TimedPool | null> {
    const { actor, login: _, groups: __, ...parts } = this.#parts
    try {
      await this.#traced('settle', async () =>
        perform({ ...parts, actor: await actor(), ...seen }, { op: 'settle' }),
      )
      return await this.#readPool()
    } catch (error) {
      if (isReadOnly(error)) return null
      throw error
    }
  }

  /** Probes only if the queue is not empty. */
  async #queue(): Promise<QueueOverview> {
    const { processes } = this.#parts
    const { pool, moment } = await readSettledPool(this.#parts)
    if (pool.queue.length === 0) return { places: [], now: moment.wall }
    const sample = unlessStale(await this.#trySample(pool))
    // The probe may have been slow, so the pool is read again.
    const { pool: current, moment: now } = await readSettledPool(this.#parts)
    const source = { now: now.wall, stopped: processes.stopped }
    if (sample instanceof CanhazgpuError) return { ...queuePlaces(current, source), driverFailure: sample }
    const { askedThresholdMb } = this.#driver
    const evidence = evidenceOf(current, { probe: sample.probe, askedThresholdMb })
    return queuePlaces(current, { ...source, reading: { evidence, reserved: reservedUnits(pool) } })
  }

  async #policy(): Promise<Views['policy']> {
    const { actor, groups } = this.#parts
    const { pool, moment } = await readSettledPool(this.#parts)
    return rulesFor(pool, { account: await actor(), groups: groups?.() ?? [] }, moment.wall)
  }

  async #sample(pool: Pool, purpose: SamplePurpose): Promise<Sample> {
    const { interruption } = this.#parts
    interruption?.throwIfAborted()
    const sample = this.#driver.sample(pool, purpose)
    return interruption === undefined ? sample : unlessAborted(sample, interruption)
  }

  async #trySample(pool: Pool, purpose: SamplePurpose = 'view'): Promise<Sample | CanhazgpuError> {
    try {
      return await this.#traced('probe', () => this.#sample(pool, purpose))
    } catch (error) {
      if (error instanceof CanhazgpuError) return error
      throw error
    }
  }

  usage<Name extends keyof UsageQuestions>(question: UsageQuestion<Name>): Promise<UsageAnswers[Name]> {
    return this.#traced(question.kind, async () => {
      const { usageAnswer } = await import('./usage/usage-answer.ts')
      return usageAnswer(this.#parts, question)
    })
  }

  events(signal: AbortSignal): AsyncIterable<void> {
    return this.#parts.store.changes(signal)
  }

  bounded(patience: Patience): PoolService {
    const { interruption } = patience
    return new LocalPool({
      ...this.#parts,
      store: this.#parts.store.bounded(patience),
      ...(interruption === undefined ? {} : { interruption }),
    })
  }

  close(): void {
    this.#parts.store.close()
  }
}

/** The queue waits for grants, and nothing is granted on stale readings: it shows why there are no others. */
const unlessStale = (sample: Sample | CanhazgpuError): Sample | CanhazgpuError =>
  sample instanceof CanhazgpuError ? sample : (sample.stale?.failure ?? sample)

/** Rejects with the reason of the signal if it aborts first. */
async function unlessAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([aborted.promise, value])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function isReadOnly(error: unknown): boolean {
  return (
    error instanceof CanhazgpuError &&
    (error.code === 'permission-denied' || error.code === 'store-unavailable')
  )
}
