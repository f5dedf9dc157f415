import type { CanhazgpuError } from '../../domain/errors.ts'
import { reservedUnits } from '../../domain/observation/allocation.ts'
import { obstaclesIn, type Reading } from '../../domain/observation/obstacles.ts'
import type { Millis, Pool, UnitId } from '../../domain/pool/model.ts'
import { placeIn } from './queue-watch.ts'

/**
 * Where a GPU is not reserved, only the driver tells whether it is free. A waiter asks this often, the less often the
 * further back it stands, and sooner where it has not seen that GPU without a reservation yet.
 */
const CHECK_EVERY_MS: Millis = 5_000
const FIRST_CHECK_AFTER_MS: Millis = 2_000

/** What a waiter knows of the driver, and when it must ask again for the sake of its news. Times are steady. */
export class DriverWatch {
  readonly #entry: string
  #reading: Reading | undefined
  #trouble: CanhazgpuError | undefined
  #askedAt: Millis = Number.NEGATIVE_INFINITY
  /** Until when there was nothing to ask, or the last answer. */
  #checkedAt: Millis = Number.NEGATIVE_INFINITY

  constructor(entry: string) {
    this.#entry = entry
  }

  /** What the driver showed when it was asked last; absent before, and where it did not answer. */
  get reading(): Reading | undefined {
    return this.#reading
  }

  /** Why the driver did not answer when it was asked last. */
  get trouble(): CanhazgpuError | undefined {
    return this.#trouble
  }

  /** The units that nobody can use, by the last answer. */
  unusable(pool: Pool): ReadonlySet<UnitId> {
    const obstacles = obstaclesIn(pool, this.#reading).filter(({ kind }) => kind !== 'unchecked')
    return new Set(obstacles.map(({ unit }) => unit))
  }

  get askedAt(): Millis {
    return this.#askedAt
  }

  answered(reading: Reading, at: Millis): void {
    this.#reading = reading
    this.#trouble = undefined
    this.#askedAt = at
    this.#checkedAt = at
  }

  failed(trouble: CanhazgpuError, at: Millis): void {
    this.#reading = undefined
    this.#trouble = trouble
    this.#askedAt = at
    this.#checkedAt = at
  }

  /** To be called at every look at the pool. */
  looked(pool: Pool, at: Millis): void {
    if (isReserved(pool)) this.#checkedAt = at
  }

  /** When the driver must be asked; infinite for one that is not in the queue or needs no driver. */
  nextCheck(pool: Pool): Millis {
    const place = placeIn(pool, this.#entry)
    if (place < 0 || isReserved(pool)) return Number.POSITIVE_INFINITY
    const isUnchecked = obstaclesIn(pool, this.#reading).some(({ kind }) => kind === 'unchecked')
    const after = isUnchecked && this.#trouble === undefined ? FIRST_CHECK_AFTER_MS : CHECK_EVERY_MS
    return this.#checkedAt + after * (place + 1)
  }
}

/** Whether all GPUs are: then none is free, whatever the driver shows. */
const isReserved = (pool: Pool): boolean => reservedUnits(pool).size === pool.units.length
