import { CanhazgpuError } from '../domain/errors.ts'
import type { UsageAnswers, UsageQuestion, UsageQuestions } from '../domain/ledger/usage-question.ts'
import { reservedUnits } from '../domain/observation/allocation.ts'
import { evidenceOf, type Observation } from '../domain/observation/observation.ts'
import { readingsOf, unknownReadings } from '../domain/observation/readings.ts'
import { type Overview, statusOf } from '../domain/observation/status.ts'
import { thresholdOf } from '../domain/observation/threshold.ts'
import { impossibleIn } from '../domain/operation/acquisition.ts'
import type { PoolOperationName } from '../domain/operation/apply.ts'
import { settle } from '../domain/operation/ending.ts'
import type { Answers, Operation } from '../domain/operation/operation.ts'
import { isRefusal, type Refusal } from '../domain/operation/refusal.ts'
import type { Account, Millis, Pool, Probe, Request } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import { type QueueOverview, queuePlaces } from '../domain/schedule/queue-places.ts'
import type { GpuProvider } from '../ports/driver.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { PoolService, TimedPool, Views } from '../ports/pool-service.ts'
import type { LockPatience } from '../ports/store.ts'
import type { Trace } from '../ports/trace.ts'
import { perform } from './perform.ts'
import { readPool, readSettledPool } from './read-pool.ts'
import { usageAnswer } from './usage/usage-answer.ts'

/** The parts of a local pool. */
export interface LocalParts {
  readonly store: OpenedPool
  readonly processes: ProcessCheck
  /** The account that performs the operations. Called for each one, because the lookup may be slow. */
  readonly actor: () => Promise<Account>
  /** Absent for a process that never probes. */
  readonly driver?: Driver
  readonly trace?: Trace
}

/** How the driver is probed. */
export interface Driver {
  readonly of: (pool: Pool) => Promise<GpuProvider>
  /** Time limit of a probe. */
  readonly timeout: Millis
  /** The memory threshold that the caller requests, MB; null: the pool's threshold. See `thresholdOf`. */
  readonly askedThresholdMb: number | null
  /** Whether this process can determine the owners of the processes in a probe. */
  readonly seesOwners: () => boolean
}

/** Provides the observation for an operation, or refuses it before a probe. */
type Prepare<Name extends PoolOperationName> = (
  operation: Operation<Name>,
) => Promise<{ readonly observed: Observation } | Refusal>

/** The pool service of this process: its own store, kernel and driver. */
export class LocalPool implements PoolService {
  readonly #parts: LocalParts
  /** The pool of the last read; it gives the driver to probe and the units that can be requested. */
  #seen: Pool | undefined
  /** An operation that can be refused without a probe causes none. */
  readonly #preparations: { readonly [Name in PoolOperationName]?: Prepare<Name> } = {
    acquire: ({ intent }) => this.#observedFor(intent.request),
    claim: async ({ intent }) =>
      this.#driver.seesOwners() ? this.#observedFor(intent.request) : { refused: { code: 'owners-unknown' } },
    'adopt-devices': async () => ({ observed: await this.#observe(await this.#lastSeen()) }),
  }

  constructor(parts: LocalParts) {
    this.#parts = parts
  }

  async perform<Name extends PoolOperationName>(
    operation: Operation<Name>,
  ): Promise<Answers[Name] | Refusal> {
    return this.#traced(operation.op, async () => {
      const { actor, ...parts } = this.#parts
      const prepare: Prepare<Name> | undefined = this.#preparations[operation.op]
      const prepared = (await prepare?.(operation)) ?? {}
      if (isRefusal(prepared)) return prepared
      return perform({ ...parts, actor: await actor(), ...prepared }, operation)
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
    if (this.#parts.driver === undefined) throw new Error('this process asks no driver')
    return this.#parts.driver
  }

  async #observedFor(request: Request): Promise<{ readonly observed: Observation } | Refusal> {
    const pool = await this.#lastSeen()
    return impossibleIn(pool, request) ?? { observed: await this.#observe(pool) }
  }

  async #lastSeen(): Promise<Pool> {
    return this.#seen ?? (await this.#readPool()).pool
  }

  async #readPool(): Promise<TimedPool> {
    const seen = await readPool(this.#parts.store)
    this.#seen = seen.pool
    return seen
  }

  async #observe(pool: Pool): Promise<Observation> {
    const { of, timeout, askedThresholdMb } = this.#driver
    const probe = await (await of(pool)).probe(timeout)
    return { probe, askedThresholdMb }
  }

  view<Name extends keyof Views>(question: Name): Promise<Views[Name]> {
    const views: { readonly [Each in keyof Views]: () => Promise<Views[Each]> } = {
      stored: () => this.#readPool(),
      settled: () => this.#settledView(),
      observed: () => this.#observed(),
      status: () => this.#status(),
      queue: () => this.#queue(),
      turns: () => this.#parts.store.turns(),
    }
    return this.#traced(question, views[question])
  }

  async #settledView(): Promise<Views['settled']> {
    const { processes } = this.#parts
    const seen = await readSettledPool(this.#parts)
    const stopped = seen.pool.queue.filter(({ process }) => processes.stopped(process)).map(({ id }) => id)
    return { ...seen, stopped }
  }

  async #observed(): Promise<Views['observed']> {
    const seen = await this.#readPool()
    return { ...seen, observation: await this.#observe(seen.pool) }
  }

  /** Records ended reservations first, so the history is up to date. A user without write access gets the status too. */
  async #status(): Promise<Overview> {
    const { pool, moment } = await this.#settled()
    const view = { now: moment.wall, thresholdMb: thresholdOf(pool, this.#driver.askedThresholdMb) }
    const probe = await this.#tryProbe(pool)
    if (probe instanceof CanhazgpuError) {
      const unknown = unknownReadings(pool, probe.message)
      return { pool, view, gpus: statusOf(pool, unknown, view.thresholdMb), driverFailure: probe }
    }
    return { pool, view, gpus: statusOf(pool, readingsOf(pool, probe), view.thresholdMb) }
  }

  async #settled(): Promise<TimedPool> {
    const { pool, moment } = await this.#readPool()
    const settled = settle(pool, moment, this.#parts.processes)
    if (settled.pool === pool) return { pool, moment }
    try {
      await this.perform({ op: 'settle' })
      return await this.#readPool()
    } catch (error) {
      if (isReadOnly(error)) return { pool: settled.pool, moment }
      throw error
    }
  }

  /** Probes only if the queue is not empty. */
  async #queue(): Promise<QueueOverview> {
    const { processes } = this.#parts
    const { pool, moment } = await readSettledPool(this.#parts)
    if (pool.queue.length === 0) return { places: [], now: moment.wall }
    const probe = await this.#tryProbe(pool)
    // The probe may have been slow, so the pool is read again.
    const { pool: current, moment: now } = await readSettledPool(this.#parts)
    const source = { now: now.wall, stopped: processes.stopped }
    if (probe instanceof CanhazgpuError) return { ...queuePlaces(current, source), driverFailure: probe }
    const evidence = evidenceOf(current, { probe, askedThresholdMb: this.#driver.askedThresholdMb })
    return queuePlaces(current, { ...source, reading: { evidence, reserved: reservedUnits(pool) } })
  }

  async #tryProbe(pool: Pool): Promise<Probe | CanhazgpuError> {
    try {
      return (await this.#traced('probe', () => this.#observe(pool))).probe
    } catch (error) {
      if (error instanceof CanhazgpuError) return error
      throw error
    }
  }

  usage<Name extends keyof UsageQuestions>(question: UsageQuestion<Name>): Promise<UsageAnswers[Name]> {
    return this.#traced(question.kind, () => usageAnswer(this.#parts, question))
  }

  events(signal: AbortSignal): AsyncIterable<void> {
    return this.#parts.store.changes(signal)
  }

  bounded(patience: LockPatience): PoolService {
    return new LocalPool({ ...this.#parts, store: this.#parts.store.bounded(patience) })
  }

  close(): void {
    this.#parts.store.close()
  }
}

function isReadOnly(error: unknown): boolean {
  return (
    error instanceof CanhazgpuError &&
    (error.code === 'permission-denied' || error.code === 'store-unavailable')
  )
}
