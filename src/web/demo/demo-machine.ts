import { reservedUnits } from '../../domain/observation/allocation.ts'
import { DEFAULT_MEMORY_THRESHOLD_MB } from '../../domain/observation/readings.ts'
import { apply, applySetUp } from '../../domain/operation/apply.ts'
import type { Answers, Context, Operation, PoolOperationName } from '../../domain/operation/operation.ts'
import type { Refusal } from '../../domain/operation/refusal.ts'
import type { Account, Millis, Moment, Pool, Unit, UnitId, UsageRecord } from '../../domain/pool/model.ts'
import type { ProcessCheck } from '../../domain/pool/process-check.ts'
import { gpuUnit } from '../../domain/pool/units.ts'
import { readings } from './readings.ts'
import type { Job } from './team.ts'

export const GPU_COUNT = 8

const ROOT: Account = { uid: 0, name: 'root' }
/** Every process of the demo runs until its job ends. */
const PROCESSES: ProcessCheck = { alive: () => 'alive', stopped: () => false }

/** Unreserved GPUs that cannot be granted. */
export interface UnusableGpus {
  /** A user without a reservation uses it. */
  readonly squatted: UnitId | null
  readonly faulty: UnitId | null
}

/** The made-up GPUs and their pool at a simulated time. The pool changes only by operations, like a real one. */
export class DemoMachine {
  readonly records: UsageRecord[] = []
  /** Jobs by the id of their reservation or queue entry. */
  readonly jobs = new Map<string, Job>()
  pool: Pool
  unusable: UnusableGpus = { squatted: null, faulty: null }
  now: Millis
  /** The wall time when the steady time was 0. */
  readonly #steadyZero: Millis
  readonly #epoch: string

  constructor(host: string, { wall, steady }: Moment) {
    this.now = wall
    this.#steadyZero = wall - steady.ms
    this.#epoch = steady.epoch
    const units = Array.from({ length: GPU_COUNT }, (_, number) => demoUnit(number))
    const setUp = { op: 'set-up', host, provider: 'fake', units, policy: {}, force: false } as const
    this.pool = applySetUp(null, setUp, { actor: ROOT, now: this.#moment(), processes: PROCESSES }).pool
  }

  /** Performs an operation at the simulated time. */
  perform<Name extends PoolOperationName>(operation: Operation<Name>): Answers[Name] | Refusal {
    const { pool, records, answer } = apply(this.pool, operation, this.#context())
    if (pool !== this.pool) this.pool = { ...pool, writtenAt: this.#moment() }
    this.records.push(...records)
    for (const { reservation } of records) this.jobs.delete(reservation)
    return answer
  }

  /** Units without a holder and in service. */
  get freeUnits(): readonly UnitId[] {
    const reserved = reservedUnits(this.pool)
    return this.pool.units
      .filter(({ id, drain }) => !reserved.has(id) && drain === undefined)
      .map(({ id }) => id)
  }

  #moment(): Moment {
    return { wall: this.now, steady: { epoch: this.#epoch, ms: this.now - this.#steadyZero } }
  }

  #context(): Context {
    const observed = { probe: readings(this, this.now), askedThresholdMb: DEFAULT_MEMORY_THRESHOLD_MB }
    return { actor: ROOT, now: this.#moment(), processes: PROCESSES, observed }
  }
}

const demoUnit = (number: number): Unit => ({
  id: gpuUnit(number),
  device: { uuid: `GPU-demo-${number}`, name: 'NVIDIA H100 80GB HBM3' },
  shape: { kind: 'gpu' },
})
