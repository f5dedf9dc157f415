import { apply } from '../../../src/domain/operation/apply.ts'
import type {
  Answers,
  Context,
  Operation,
  PoolOperationName,
} from '../../../src/domain/operation/operation.ts'
import { isRefusal, type Reason, type Refusal } from '../../../src/domain/operation/refusal.ts'
import type {
  GpuUse,
  Limit,
  LimitKey,
  Liveness,
  Millis,
  Owner,
  Policy,
  Pool,
  ProcessIdentity,
  Request,
  Scope,
  UsageRecord,
} from '../../../src/domain/pool/model.ts'
import { poolFaults } from '../../../src/domain/pool/soundness.ts'
import { ALICE, identity, NOON, owner, poolOf, units } from '../pool/builders.ts'

export const MINUTE: Millis = 60_000
export const HOUR: Millis = 3_600_000
export const NOW = NOON.wall
export const BOB = owner(1001, 'bob')
export const ROOT = owner(0, 'root')

export const limit = (key: LimitKey, value: number, scope: Scope = { kind: 'pool' }): Limit => ({
  ...{ key, value, scope, by: ROOT.account, at: 0 },
})

/** Bookings are on, for at most 12 hours each. */
export const BOOKABLE: Policy = {
  allocation: 'lru',
  limits: [limit('bookings', 1), limit('max-duration', 12 * HOUR), limit('default-duration', 2 * HOUR)],
}

/** Used by a process with 9,000 MB: of this account, or of an unknown one. */
export const usedBy = (uid?: number): GpuUse => ({
  ...{ kind: 'measured', memoryUsedMb: 9_000 },
  processes: [{ pid: 7, name: 'python', memoryMb: 9_000, ...(uid === undefined ? {} : { uid }) }],
})
export const LOST: GpuUse = { kind: 'fault', reason: 'GPU is lost' }

/** A pool with a clock, and GPUs whose state a test sets. Every step must leave a sound pool. */
export class World {
  pool: Pool
  now: Millis = 0
  readonly records: UsageRecord[] = []
  /** By number; the others are idle. */
  readonly states = new Map<number, GpuUse>()
  /** By number: the name that the driver reports, if it is another than that of the pool. */
  readonly names = new Map<number, string>()
  /** Pids of the processes that have ended. */
  readonly gone = new Set<number>()
  readonly stopped = new Set<number>()
  #ids = 0

  constructor(gpus: number, parts: Partial<Pool> = {}) {
    this.pool = poolOf(units(gpus), { policy: BOOKABLE, ...parts })
  }

  at(now: Millis): this {
    this.now = now
    return this
  }

  perform<Name extends PoolOperationName>(
    operation: Operation<Name>,
    { as = ALICE, sees = true, groups = [] }: Asking = {},
  ): Answers[Name] | Refusal {
    const step = apply(this.pool, operation, this.#context(as, { sees, groups }))
    const faults = poolFaults(step.pool)
    if (faults.length > 0) throw new Error(faults.join('; '))
    this.pool = { ...step.pool, writtenAt: this.#moment() }
    this.records.push(...step.records)
    return step.answer
  }

  #moment() {
    return { wall: NOW + this.now, steady: { ...NOON.steady, ms: NOON.steady.ms + this.now } }
  }

  #context({ account }: Owner, { sees, groups }: Required<Pick<Asking, 'sees' | 'groups'>>): Context {
    const readings = this.pool.units.map(({ device }, index) => ({
      ...{ index, ...device, name: this.names.get(index) ?? device.name },
      state: this.states.get(index) ?? ({ kind: 'measured', memoryUsedMb: 0, processes: [] } as const),
    }))
    return {
      ...{ actor: account, now: this.#moment(), groups },
      processes: {
        alive: ({ pid }: ProcessIdentity): Liveness => (this.gone.has(pid) ? 'gone' : 'alive'),
        stopped: ({ pid }) => this.stopped.has(pid),
      },
      ...(sees ? { observed: { probe: { provider: 'fake', readings }, askedThresholdMb: null } } : {}),
    }
  }

  /** Books from a time after NOW, for one hour unless another duration is given. */
  book(
    request: Request,
    from: Millis,
    {
      as = ALICE,
      duration = HOUR,
      groups = [],
      id = `k${++this.#ids}`,
    }: Asking & { readonly duration?: Millis; readonly id?: string } = {},
  ) {
    const term = { kind: 'booking', from: NOW + from, duration } as const
    return this.perform({ op: 'book', intent: { id, request, owner: as, term } }, { as, groups })
  }

  reserve(request: Request, duration: Millis, { as = ALICE }: Asking = {}) {
    const id = `m${++this.#ids}`
    const term = { kind: 'manual', duration } as const
    return this.perform({ op: 'acquire', intent: { id, request, owner: as, term } }, { as })
  }

  /** A run of the process with this pid; with `waits` it waits in the queue. */
  run(request: Request, { as = ALICE, pid = 100, waits = false, ...term }: Running = {}) {
    const process = identity(pid)
    const intent = {
      ...{ id: `r${pid}`, request, owner: as },
      term: { kind: 'run', process, command: 'train', ...term } as const,
    }
    return this.perform({ op: 'acquire', intent, ...(waits ? { wait: { process } } : {}) }, { as })
  }

  /** Only settles, with a reading unless `sees` is false. */
  settle(sees = true): void {
    this.perform({ op: 'settle' }, { sees })
  }

  /** The numbers of the units that each reservation holds, by id. */
  get held(): Readonly<Record<string, readonly number[]>> {
    return Object.fromEntries(this.pool.reservations.map((each) => [each.id, numbersOf(each)]))
  }

  /** The numbers of the units that are planned for each booking, by id. */
  get planned(): Readonly<Record<string, readonly number[]>> {
    return Object.fromEntries((this.pool.bookings ?? []).map((each) => [each.id, numbersOf(each)]))
  }
}

interface Asking {
  readonly as?: Owner
  readonly sees?: boolean
  readonly groups?: readonly number[]
}

interface Running extends Asking {
  readonly pid?: number
  readonly waits?: boolean
  readonly timeout?: { readonly after: Millis; readonly grace: Millis }
  readonly untilBooked?: { readonly grace: Millis }
}

const numbersOf = ({ holdings }: Pick<Pool['reservations'][number], 'holdings'>) =>
  holdings.map(({ unit }) => Number(unit))

/** The refusal; throws if the operation was not refused. */
export function refusedBy(answer: unknown): Reason {
  if (!isRefusal(answer)) throw new Error(`not refused: ${JSON.stringify(answer)}`)
  return answer.refused
}

/** The answer; throws if the operation was refused. */
export function granted<Answer>(answer: Answer | Refusal): Answer {
  if (isRefusal(answer)) throw new Error(`refused: ${JSON.stringify(answer.refused)}`)
  return answer
}
