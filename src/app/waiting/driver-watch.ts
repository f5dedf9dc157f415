import type { CanhazgpuError } from '../../domain/errors.ts'
import { reservedUnits } from '../../domain/observation/allocation.ts'
import { obstaclesIn, type Reading } from '../../domain/observation/obstacles.ts'
import type { Millis, Pool, UnitId } from '../../domain/pool/model.ts'
import { placeIn } from './queue-watch.ts'

/**
 * Only a probe shows whether an unreserved GPU is free. A waiter probes at this interval: less often the further back
 * in the queue it is, and sooner if it has no reading of that GPU without a reservation yet.
 */
const CHECK_EVERY_MS: Millis = 5_000
const FIRST_CHECK_AFTER_MS: Millis = 2_000

/** The last probe of a waiter, and the time of the next one that its news need. Times are steady. */
export class DriverWatch {
  readonly #entry: string
  #reading: Reading | undefined
  #trouble: CanhazgpuError | undefined
  #askedAt: Millis = Number.NEGATIVE_INFINITY
  /** The last time at which no probe was needed, or a probe was made. */
  #checkedAt: Millis = Number.NEGATIVE_INFINITY

  constructor(entry: string) {
    this.#entry = entry
  }

  /** The reading of the last probe; absent before the first one, and if the last one failed. */
  get reading(): Reading | undefined {
    return this.#reading
  }

  /** Why the last probe failed. */
  get trouble(): CanhazgpuError | undefined {
    return this.#trouble
  }

  /** The units that cannot be granted, by the last probe. */
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

  /** Must be called after every read of the pool. */
  looked(pool: Pool, at: Millis): void {
    if (isReserved(pool)) this.#checkedAt = at
  }

  /** Time of the next probe; infinite if the waiter is not in the queue or needs no probe. */
  nextCheck(pool: Pool): Millis {
    const place = placeIn(pool, this.#entry)
    if (place < 0 || isReserved(pool)) return Number.POSITIVE_INFINITY
    const isUnchecked = obstaclesIn(pool, this.#reading).some(({ kind }) => kind === 'unchecked')
    const after = isUnchecked && this.#trouble === undefined ? FIRST_CHECK_AFTER_MS : CHECK_EVERY_MS
    return this.#checkedAt + after * (place + 1)
  }
}

/** Whether all GPUs are reserved; then none is free, whatever the driver reports. */
const isReserved = (pool: Pool): boolean => reservedUnits(pool).size === pool.units.length
