import type { CanhazgpuError } from '../../domain/errors.ts'
import { reservedUnits } from '../../domain/observation/allocation.ts'
import { obstaclesIn, type Reading } from '../../domain/observation/obstacles.ts'
import type { Millis, Pool, UnitId } from '../../domain/pool/model.ts'
import { placeIn } from './queue-watch.ts'

/**
 * Only a probe shows whether an unreserved GPU is free. The first waiter probes at this interval, the second one at
 * twice the interval, and so on.
 */
const PROBE_EVERY_MS: Millis = 5_000
/** The same for a waiter that has not yet probed some GPU while it was unreserved. */
const FIRST_PROBE_AFTER_MS: Millis = 2_000

/** The last probe of a waiter, and the time of the next one. Times are steady. */
export class LastProbe {
  readonly #entry: string
  #reading: Reading | undefined
  #failure: CanhazgpuError | undefined
  #probedAt: Millis = Number.NEGATIVE_INFINITY
  /** The last time at which a probe was made or none was needed. */
  #upToDateAt: Millis = Number.NEGATIVE_INFINITY

  constructor(entry: string) {
    this.#entry = entry
  }

  /** The reading of the last probe; absent before the first one, and if the last one failed. */
  get reading(): Reading | undefined {
    return this.#reading
  }

  /** Why the last probe failed. */
  get failure(): CanhazgpuError | undefined {
    return this.#failure
  }

  /** The units that cannot be granted according to the last probe. */
  unusable(pool: Pool): ReadonlySet<UnitId> {
    const obstacles = obstaclesIn(pool, this.#reading).filter(({ kind }) => kind !== 'unchecked')
    return new Set(obstacles.map(({ unit }) => unit))
  }

  get probedAt(): Millis {
    return this.#probedAt
  }

  succeeded(reading: Reading, at: Millis): void {
    this.#reading = reading
    this.#failure = undefined
    this.#probedAt = at
    this.#upToDateAt = at
  }

  failed(failure: CanhazgpuError, at: Millis): void {
    this.#reading = undefined
    this.#failure = failure
    this.#probedAt = at
    this.#upToDateAt = at
  }

  /** Must be called after every read of the pool. */
  poolRead(pool: Pool, at: Millis): void {
    if (isAllReserved(pool)) this.#upToDateAt = at
  }

  /** Infinite if the waiter is not in the queue or needs no probe. */
  nextProbeAt(pool: Pool): Millis {
    const place = placeIn(pool, this.#entry)
    if (place < 0 || isAllReserved(pool)) return Number.POSITIVE_INFINITY
    const isUnchecked = obstaclesIn(pool, this.#reading).some(({ kind }) => kind === 'unchecked')
    const after = isUnchecked && this.#failure === undefined ? FIRST_PROBE_AFTER_MS : PROBE_EVERY_MS
    return this.#upToDateAt + after * (place + 1)
  }
}

/** Whether all GPUs are reserved; then none is free, whatever the driver reports. */
const isAllReserved = (pool: Pool): boolean => reservedUnits(pool).size === pool.units.length
