import type { WaitProgress } from '../app/waiting/wait-progress.ts'
import { daemonDefect } from '../domain/daemon-errors.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { LONGEST_TIMER_MS } from '../domain/longest-timer.ts'
import type { Reading } from '../domain/observation/obstacles.ts'
import type { Grant, Intent, Ticket } from '../domain/operation/intent.ts'
import { isRefusal, type Refusal } from '../domain/operation/refusal.ts'
import { timedOut } from '../domain/operation/shortage.ts'
import type { Millis, Pool, QueueEntry } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import { entriesToAttempt } from '../domain/schedule/attempts.ts'
import type { Conditions } from '../domain/schedule/conditions.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { DisconnectedClients, keyOf } from './disconnected-clients.ts'
import { ProgressReports, type ReportedTo } from './progress-reports.ts'

/** Interval of a new attempt while the pool does not change: only a probe shows that a squatter has left. */
const ATTEMPT_EVERY_MS: Millis = 2_000

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

interface Place {
  readonly waiter: Waiter
  timer: ReturnType<typeof setTimeout> | undefined
  /** When its entry leaves the queue, by the wall clock. */
  waitUntil: Millis | undefined
  /** The attempt that is under way. */
  attempt: Promise<void> | undefined
  hasLeft: boolean
  removal: Promise<void> | undefined
  /** The client has connected again, so another place continues this one. */
  isReplaced: boolean
  readonly told: ReportedTo
}

export interface WaitersParts {
  /** The pool for the daemon's own account. */
  readonly service: PoolService
  readonly processes: ProcessCheck
  /** Whether the daemon is about to exit. Its waiters keep their entries and grants, and connect to the next daemon. */
  readonly isStopping: () => boolean
  /** Steady time. */
  readonly clock: () => Millis
  /** Reports a failure to the log. */
  readonly log: (error: unknown) => void
}

/** The clients that wait for GPUs. It acquires GPUs for them, in the order of the queue. */
export class Waiters {
  readonly #parts: WaitersParts
  /** By `keyOf`. */
  readonly #places = new Map<string, Place>()
  readonly #disconnected: DisconnectedClients
  /** The reading of the last attempt that was not granted. */
  #reading: Reading | undefined
  #isServing = false
  #isServedAgain = false
  #serveTimer: ReturnType<typeof setTimeout> | undefined
  readonly #progress: ProgressReports

  constructor(parts: WaitersParts) {
    this.#parts = parts
    this.#disconnected = new DisconnectedClients(parts)
    const told = () => [...this.#places.values()].map((place) => place.told)
    this.#progress = new ProgressReports({ ...parts, waiters: told })
  }

  get count(): number {
    return this.#places.size
  }

  /** Joins the queue, or keeps the place of an entry with the same id. The waiter is finished later, or leaves. */
  async join(waiter: Waiter): Promise<void> {
    const key = keyOf(waiter.intent)
    const earlier = this.#places.get(key)
    const place = newPlace(waiter)
    this.#places.set(key, place)
    void this.#disconnected.keep(key)
    await this.#attempt(place, () => this.#begin(place, earlier))
    if (this.#places.get(key) !== place) return
    const { waitFor } = waiter.ticket
    if (waitFor !== undefined) this.#giveUpIn(place, waitFor)
    this.#progress.joined()
    this.serve()
  }

  async #begin(place: Place, earlier: Place | undefined): Promise<void> {
    if (earlier !== undefined) {
      earlier.isReplaced = true
      clearTimeout(earlier.timer)
      await earlier.attempt
      if (this.#places.get(keyOf(place.waiter.intent)) !== place) return
    }
    try {
      // An earlier daemon may have queued it.
      const { pool, moment } = await this.#parts.service.view('stored')
      const entry = entryOf(place, pool)
      place.waitUntil = entry?.waitUntil
      if (isOver(place, moment.wall)) await this.#timeOut(place)
      else await this.#acquire(place, { isQueued: entry !== undefined })
    } catch (error) {
      await this.#finish(place, this.#failureOf(error))
    }
  }

  /** The client gives up or has disconnected. Removes its queue entry, unless it was finished before. */
  async leave(waiter: Waiter): Promise<void> {
    const place = this.#places.get(keyOf(waiter.intent))
    if (place?.waiter !== waiter || this.#parts.isStopping()) return
    place.hasLeft = true
    // An attempt that is granted after this ends the reservation itself.
    await place.attempt
    await this.#remove(place)
  }

  /** Must be called after every change of reservations or queue. */
  serve(): void {
    this.#isServedAgain = true
    if (!this.#isServing) this.#inBackground(this.#serveAll())
  }

  async #serveAll(): Promise<void> {
    this.#isServing = true
    clearTimeout(this.#serveTimer)
    try {
      while (this.#isServedAgain) {
        this.#isServedAgain = false
        await this.#servePool()
      }
    } finally {
      this.#isServing = false
      if (this.#places.size > 0) this.#serveTimer = setTimeout(() => this.serve(), ATTEMPT_EVERY_MS)
    }
  }

  async #servePool(): Promise<void> {
    if (this.#places.size === 0) return
    const { service, processes } = this.#parts
    const { pool, moment } = await service.view('stored')
    const conditions = { now: moment.wall, stopped: processes.stopped }
    const attempts = this.#asking(pool, conditions).map((place) =>
      this.#attempt(place, () => this.#acquire(place, { isQueued: true })),
    )
    await Promise.all(attempts)
    this.#progress.changed()
  }

  /**
   * The waiters that may be granted GPUs now, and those without a queue entry, for example after the pool was set up
   * again.
   */
  #asking(pool: Pool, conditions: Conditions): readonly Place[] {
    // The time of an entry follows the clock.
    for (const entry of pool.queue) {
      const place = this.#places.get(keyOf(entry))
      if (place !== undefined) place.waitUntil = entry.waitUntil
    }
    const queued = new Set(pool.queue.map(keyOf))
    const isLost = (place: Place) => !queued.has(keyOf(place.waiter.intent)) && !isOver(place, conditions.now)
    const isConnected = (entry: QueueEntry) => this.#places.has(keyOf(entry))
    const attempted = entriesToAttempt(pool, { conditions, reading: this.#reading, isConnected })
    const asking = [...this.#places.values()].filter(isLost)
    for (const entry of attempted) {
      const place = this.#places.get(keyOf(entry))
      if (place !== undefined) asking.push(place)
    }
    return asking.filter(({ attempt }) => attempt === undefined)
  }

  /** Must not be called while another attempt of this place is under way. */
  async #attempt(place: Place, acquire: () => Promise<void>): Promise<void> {
    place.attempt = acquire()
    try {
      await place.attempt
    } finally {
      place.attempt = undefined
    }
    if (place.hasLeft && !place.isReplaced) await this.#remove(place)
  }

  /** A waiter that is in the queue keeps its place while the driver or the store fails. */
  async #acquire(place: Place, { isQueued }: { readonly isQueued: boolean }): Promise<void> {
    const { service, intent, ticket } = place.waiter
    try {
      const answer = await service.perform({ op: 'acquire', intent, wait: ticket })
      // A grant is kept: the attempt of the new place finds it by its id.
      if (place.isReplaced) return
      if (isRefusal(answer)) await this.#finish(place, answer)
      else if (answer.kind === 'granted') await this.#finish(place, answer.grant)
      else this.#reading = answer.reading
    } catch (error) {
      const failure = this.#failureOf(error)
      this.#reading = undefined
      if (!isQueued) await this.#finish(place, failure)
    }
  }

  /** A waiter that has left or given up meanwhile has its answer already, so a grant is released. */
  async #finish(place: Place, answer: Grant | Refusal | CanhazgpuError): Promise<void> {
    if (place.isReplaced) return
    const isCurrent = this.#take(place)
    if (!isCurrent || !place.waiter.finish(answer)) await this.giveBack(place.waiter)
  }

  async #remove(place: Place): Promise<void> {
    if (this.#take(place)) place.removal = this.giveBack(place.waiter)
    await place.removal
  }

  /** Takes the place out; false if it was taken before. */
  #take(place: Place): boolean {
    clearTimeout(place.timer)
    const key = keyOf(place.waiter.intent)
    return this.#places.get(key) === place && this.#places.delete(key)
  }

  /** A client that has connected again confirms its grant; see `DisconnectedClients.keep`. */
  keep(uid: number, id: string): Promise<void> {
    return this.#disconnected.keep(`${uid}/${id}`)
  }

  /** Ends the entry or reservation of a client that has disconnected. */
  giveBack(waiter: Waiter): Promise<void> {
    return this.#disconnected.end(waiter)
  }

  #giveUpIn(place: Place, ms: Millis): void {
    const giveUp = () => this.#inBackground(this.#giveUp(place))
    const goOn = () => this.#giveUpIn(place, ms - LONGEST_TIMER_MS)
    place.timer = setTimeout(ms > LONGEST_TIMER_MS ? goOn : giveUp, Math.min(ms, LONGEST_TIMER_MS))
  }

  async #giveUp(place: Place): Promise<void> {
    await place.attempt
    await this.#timeOut(place)
  }

  async #timeOut(place: Place): Promise<void> {
    if (!this.#take(place)) return
    const { waiter } = place
    const answer = await this.#timedOut(waiter)
    this.#inBackground(this.giveBack(waiter))
    // When the waiter ends, its entry has left the queue. If the store fails, the waiter ends all the same.
    await this.#disconnected.attempted(waiter.intent)
    waiter.finish(answer)
  }

  async #timedOut({ intent }: Waiter): Promise<Refusal | CanhazgpuError> {
    try {
      const { pool, moment } = await this.#parts.service.view('stored')
      return timedOut(pool, intent, moment.wall)
    } catch (error) {
      return this.#failureOf(error)
    }
  }

  /** A defect is described in the log only. */
  #failureOf(error: unknown): CanhazgpuError {
    if (error instanceof CanhazgpuError) return error
    this.#parts.log(error)
    return daemonDefect()
  }

  #inBackground(work: Promise<void>): void {
    work.catch(this.#parts.log)
  }
}

function newPlace(waiter: Waiter): Place {
  const { intent, report } = waiter
  const place: Place = {
    waiter,
    timer: undefined,
    waitUntil: undefined,
    attempt: undefined,
    hasLeft: false,
    removal: undefined,
    isReplaced: false,
    told: { id: intent.id, reported: '', isOver: (now) => isOver(place, now), report },
  }
  return place
}

const entryOf = ({ waiter }: Place, pool: Pool): QueueEntry | undefined =>
  pool.queue.find((entry) => keyOf(entry) === keyOf(waiter.intent))

const isOver = ({ waitUntil = Number.POSITIVE_INFINITY }: Place, now: Millis): boolean => now >= waitUntil
