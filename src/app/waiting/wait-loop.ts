import { CanhazgpuError } from '../../domain/errors.ts'
import { impossibleIn } from '../../domain/operation/acquisition.ts'
import type { Grant, Intent } from '../../domain/operation/intent.ts'
import { isRefusal, type Refusal } from '../../domain/operation/refusal.ts'
import { timedOut } from '../../domain/operation/shortage.ts'
import type { Millis, Pool } from '../../domain/pool/model.ts'
import { isPassedOver } from '../../domain/schedule/startable.ts'
import type { Patience, PoolService } from '../../ports/pool-service.ts'
import { LastProbe } from './last-probe.ts'
import { NextEvent } from './next-event.ts'
import { placeIn } from './queue-watch.ts'
import { waitedForLock } from './wait-errors.ts'
import { progressOf } from './wait-progress.ts'
import type { Waiting } from './waiting.ts'

const HEARTBEAT_MS: Millis = 5 * 60_000

/** Reads the pool, performs `acquire` when the GPUs may be granted, and waits for the next event. */
export class WaitLoop {
  readonly #service: PoolService
  readonly #intent: Intent
  readonly #waiting: Waiting
  readonly giveUpAt: Millis
  readonly #lastProbe: LastProbe
  readonly #nextEvent: NextEvent
  /** Whether this program has read the pool. */
  #hasRead = false
  #beatAt: Millis

  constructor(service: PoolService, intent: Intent, waiting: Waiting) {
    this.#waiting = waiting
    this.#service = service.bounded(this.#patience())
    this.#intent = intent
    this.#lastProbe = new LastProbe(intent.id)
    this.giveUpAt = waiting.clock() + (waiting.ticket.waitFor ?? Number.POSITIVE_INFINITY)
    this.#beatAt = waiting.clock() + HEARTBEAT_MS
    this.#nextEvent = new NextEvent({
      service: this.#service,
      intent,
      waiting,
      lastProbe: this.#lastProbe,
      giveUpAt: this.giveUpAt,
    })
  }

  /**
   * After an interrupt or its time limit a waiter does not wait for the store's lock. It ends a probe only after an
   * interrupt: a slow driver may still show free GPUs.
   */
  #patience(): Patience {
    const { waker, clock } = this.#waiting
    const { interruption } = waker
    return {
      left: () => (interruption.aborted ? 0 : this.giveUpAt - clock()),
      error: (busy) => (interruption.aborted ? interruption.reason : waitedForLock(busy)),
      interruption,
    }
  }

  async run(): Promise<Grant | Refusal> {
    let mustAcquire = false
    let wasRefused = false
    for (;;) {
      this.#waiting.waker.interruption.throwIfAborted()
      const { pool, now } = await this.#read()
      // The entry may have been dropped: another attempt would join the queue again, with a new time limit.
      if (this.#waiting.clock() >= this.giveUpAt) return timedOut(pool, this.#intent, now)
      const impossible = impossibleIn(pool, this.#intent.request)
      if (impossible !== null) return impossible
      const couldStart = this.#nextEvent.couldStart(pool, now)
      const isLate = pool.queue.some((entry) => entry.id === this.#intent.id && isPassedOver(entry, now))
      if (((couldStart || isLate) && !wasRefused) || mustAcquire || this.#isProbeDue(pool)) {
        const answer = await this.#attempt(pool)
        if (answer !== null) return answer
        mustAcquire = false
        wasRefused = true
        continue
      }
      wasRefused = false
      if (placeIn(pool, this.#intent.id) < 0) {
        const refusal = await this.#join()
        if (refusal !== null) return refusal
        continue
      }
      this.#report(pool, now)
      const event = await this.#nextEvent.wait({ pool, now, couldStart, beatAt: this.#beatAt })
      if (event === 'acquire') mustAcquire = true
      if (event === 'settle') await this.#service.perform({ op: 'settle' })
      if (event === 'heartbeat') await this.#beat()
    }
  }

  /**
   * Whether a newer version has upgraded the pool. A program that has never read the pool is not replaced: it may be
   * the installed one, and would start itself in an endless loop.
   */
  isOutdated(error: unknown): boolean {
    return this.#hasRead && error instanceof CanhazgpuError && error.code === 'store-too-new'
  }

  async #read(): Promise<{ pool: Pool; now: Millis }> {
    this.#waiting.waker.listen()
    const { pool, moment } = await this.#service.view('stored')
    this.#lastProbe.poolRead(pool, this.#waiting.clock())
    this.#hasRead = true
    return { pool, now: moment.wall }
  }

  #isProbeDue(pool: Pool): boolean {
    return this.#waiting.clock() >= this.#lastProbe.nextProbeAt(pool)
  }

  /** Null: not granted yet. While probes fail, a waiter in the queue keeps its place. */
  async #attempt(pool: Pool): Promise<Grant | Refusal | null> {
    const { ticket, clock } = this.#waiting
    try {
      const answer = await this.#service.perform({ op: 'acquire', intent: this.#intent, wait: ticket })
      if (isRefusal(answer)) return answer
      if (answer.kind === 'granted') return answer.grant
      this.#lastProbe.succeeded(answer.reading, clock())
    } catch (error) {
      if (placeIn(pool, this.#intent.id) < 0 || !isDriverFailure(error)) throw error
      this.#lastProbe.failed(error, clock())
    }
    return null
  }

  #join(): Promise<Refusal | null> {
    return this.#service.perform({ op: 'join', intent: this.#intent, wait: this.#waiting.ticket })
  }

  async #beat(): Promise<void> {
    this.#beatAt = this.#waiting.clock() + HEARTBEAT_MS
    await this.#service.perform({ op: 'heartbeat', id: this.#intent.id })
  }

  #report(pool: Pool, now: Millis): void {
    const { reading, failure: driverFailure } = this.#lastProbe
    const { stopped } = this.#waiting.processes
    const progress = progressOf(this.#intent.id, pool, { now, stopped, reading, driverFailure })
    if (progress !== null) this.#waiting.onProgress(progress)
  }
}

function isDriverFailure(error: unknown): error is CanhazgpuError {
  return (
    error instanceof CanhazgpuError &&
    ['driver-unresponsive', 'driver-failed', 'driver-missing'].includes(error.code)
  )
}
