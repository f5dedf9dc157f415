import { type ProgressSource, progressOfEach, type WaitProgress } from '../app/waiting/wait-progress.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { obstaclesIn, type Reading } from '../domain/observation/obstacles.ts'
import { timedOut } from '../domain/operation/acquisition.ts'
import type { Grant, Intent, Ticket } from '../domain/operation/intent.ts'
import { isRefusal, type Refusal } from '../domain/operation/refusal.ts'
import type { Millis, Pool } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import { type Conditions, isPassedOver, startableEntries } from '../domain/schedule/startable.ts'
import type { PoolService } from '../ports/pool-service.ts'

/** Interval of a new attempt while the pool does not change: only a probe shows that a squatter has left. */
const ATTEMPT_EVERY_MS: Millis = 2_000
/** The minimum time between two progress reports to the same waiter. */
const PROGRESS_EVERY_MS: Millis = 1_000
/** Time until the first report to a new waiter. */
const FIRST_PROGRESS_AFTER_MS: Millis = 20
const LONGEST_TIMER_MS: Millis = 2 ** 31 - 1

/** A client that waits for GPUs. */
export interface Waiter {
  readonly intent: Intent
  readonly ticket: Ticket
  /** The pool for the account of this client. */
  readonly service: PoolService
  /** Gives the client its answer; false if the client has disconnected. Called once. */
  readonly finish: (answer: Grant | Refusal | CanhazgpuError) => boolean
  readonly report: (progress: WaitProgress) => void
}

interface Place extends Waiter {
  timer: ReturnType<typeof setTimeout> | undefined
  isAsking: boolean
  hasLeft: boolean
  reported: string
}

export interface WaitersParts {
  /** The pool for the daemon's own account. */
  readonly service: PoolService
  readonly processes: ProcessCheck
}

/** The clients that wait for GPUs. It acquires GPUs for them, in the order of the queue. */
export class Waiters {
  readonly #parts: WaitersParts
  readonly #places = new Map<string, Place>()
  #reading: Reading | undefined
  #driverFailure: CanhazgpuError | undefined
  #isServing = false
  #isServedAgain = false
  #attemptTimer: ReturnType<typeof setTimeout> | undefined
  #progressTimer: ReturnType<typeof setTimeout> | undefined

  constructor(parts: WaitersParts) {
    this.#parts = parts
  }

  get count(): number {
    return this.#places.size
  }

  /** Joins the queue, or keeps the place of an entry with the same id, until the waiter is finished or leaves. */
  async join(waiter: Waiter): Promise<void> {
    const place: Place = { ...waiter, timer: undefined, isAsking: false, hasLeft: false, reported: '' }
    const { waitFor } = waiter.ticket
    this.#places.set(waiter.intent.id, place)
    await this.#attempt(place, true)
    if (this.#places.get(waiter.intent.id) !== place) return
    if (waitFor !== undefined) {
      place.timer = setTimeout(() => void this.#giveUp(place), Math.min(waitFor, LONGEST_TIMER_MS))
    }
    this.#progressTimer ??= setTimeout(() => void this.#reportAll(), FIRST_PROGRESS_AFTER_MS)
    this.serve()
  }

  /** The client has disconnected. Removes its queue entry, unless it was finished before. */
  async leave(id: string): Promise<void> {
    const place = this.#places.get(id)
    if (place === undefined) return
    place.hasLeft = true
    // An attempt that is under way may still be granted; it then gives the GPUs back.
    if (!place.isAsking) await this.#remove(place)
  }

  /** Must be called after every change of reservations or queue. */
  serve(): void {
    if (this.#isServing) {
      this.#isServedAgain = true
      return
    }
    this.#isServing = true
    void this.#serveAll()
  }

  async #serveAll(): Promise<void> {
    do {
      this.#isServedAgain = false
      try {
        await this.#servePool()
      } catch (error) {
        if (!(error instanceof CanhazgpuError)) throw error
        // The store fails; the next round tries again.
      }
    } while (this.#isServedAgain)
    this.#isServing = false
    clearTimeout(this.#attemptTimer)
    if (this.#places.size > 0) this.#attemptTimer = setTimeout(() => this.serve(), ATTEMPT_EVERY_MS)
  }

  async #servePool(): Promise<void> {
    const { service, processes } = this.#parts
    const { pool, moment } = await service.view('stored')
    if (pool.queue.length === 0) return
    const conditions = { now: moment.wall, stopped: processes.stopped }
    const asking = this.#asking(pool, conditions)
    await Promise.all(asking.map((place) => this.#attempt(place)))
    this.#progressTimer ??= setTimeout(() => void this.#reportAll(), PROGRESS_EVERY_MS)
  }

  /**
   * The waiters that may be granted GPUs now. If an entry that can start has no client, for example after a restart of
   * the daemon, the next waiter behind it asks too: that gives the absent one a limited time.
   */
  #asking(pool: Pool, conditions: Conditions): readonly Place[] {
    const unusable = this.#unusable(pool)
    const startable = new Set(startableEntries(pool, conditions).map(({ id }) => id))
    if (unusable.size > 0) {
      for (const { id } of startableEntries(pool, { ...conditions, unusable })) startable.add(id)
    }
    let isSomeoneAbsent = false
    const asking: Place[] = []
    for (const entry of pool.queue) {
      const place = this.#places.get(entry.id)
      const canStart = startable.has(entry.id) || isPassedOver(entry, conditions.now)
      if (place === undefined) {
        isSomeoneAbsent ||= canStart
      } else if ((canStart || isSomeoneAbsent) && !place.isAsking && !conditions.stopped(entry.process)) {
        asking.push(place)
        if (!canStart) isSomeoneAbsent = false
      }
    }
    return asking
  }

  #unusable(pool: Pool) {
    const obstacles = obstaclesIn(pool, this.#reading).filter(({ kind }) => kind !== 'unchecked')
    return new Set(obstacles.map(({ unit }) => unit))
  }

  /** A first attempt that fails ends the wait; later the waiter keeps its place while the driver or the store fails. */
  async #attempt(place: Place, isFirst = false): Promise<void> {
    const { service, intent, ticket } = place
    place.isAsking = true
    try {
      const answer = await service.perform({ op: 'acquire', intent, wait: ticket })
      this.#driverFailure = undefined
      if (isRefusal(answer)) await this.#finish(place, answer)
      else if (answer.kind === 'granted') await this.#finish(place, answer.grant)
      else this.#reading = answer.reading
    } catch (error) {
      if (!(error instanceof CanhazgpuError)) throw error
      this.#reading = undefined
      this.#driverFailure = error
      if (isFirst) await this.#finish(place, error)
    } finally {
      place.isAsking = false
    }
    if (place.hasLeft) await this.#remove(place)
  }

  async #finish(place: Place, answer: Grant | Refusal | CanhazgpuError): Promise<void> {
    clearTimeout(place.timer)
    if (this.#places.get(place.intent.id) === place) this.#places.delete(place.intent.id)
    if (!place.finish(answer)) await this.#end(place)
  }

  async #remove(place: Place): Promise<void> {
    clearTimeout(place.timer)
    if (this.#places.get(place.intent.id) !== place) return
    this.#places.delete(place.intent.id)
    await this.#end(place)
  }

  /** If the store fails, the entry ends with its process. */
  async #end({ service, intent: { id } }: Place): Promise<void> {
    await service.perform({ op: 'leave', id }).catch((error) => {
      if (!(error instanceof CanhazgpuError)) throw error
    })
  }

  async #giveUp(place: Place): Promise<void> {
    if (this.#places.get(place.intent.id) !== place) return
    this.#places.delete(place.intent.id)
    await this.#end(place)
    const { pool, moment } = await this.#parts.service.view('stored')
    place.finish(timedOut(pool, place.intent, moment.wall))
  }

  async #reportAll(): Promise<void> {
    this.#progressTimer = undefined
    const { service, processes } = this.#parts
    const { pool, moment } = await service.view('stored')
    const source: ProgressSource = {
      now: moment.wall,
      stopped: processes.stopped,
      reading: this.#reading,
      driverFailure: this.#driverFailure,
    }
    const progressOf = progressOfEach(pool, source)
    for (const [id, place] of this.#places) {
      const progress = progressOf(id)
      if (progress === null) continue
      const { now: _, ...facts } = progress
      const reported = JSON.stringify(facts)
      if (reported === place.reported) continue
      place.reported = reported
      place.report(progress)
    }
  }
}
