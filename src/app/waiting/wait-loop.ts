import { CanhazgpuError } from '../../domain/errors.ts'
import { impossibleIn, timedOut } from '../../domain/operation/acquisition.ts'
import type { Grant, Intent } from '../../domain/operation/intent.ts'
import { isRefusal, type Refusal } from '../../domain/operation/refusal.ts'
import type { Millis, Pool } from '../../domain/pool/model.ts'
import { isPassedOver } from '../../domain/schedule/startable.ts'
import type { PoolService } from '../../ports/pool-service.ts'
import type { LockPatience } from '../../ports/store.ts'
import { DriverWatch } from './driver-watch.ts'
import { NextLook } from './next-look.ts'
import { placeIn } from './queue-watch.ts'
import { interrupted, waitedForLock } from './wait-errors.ts'
import type { Waiting } from './waiting.ts'
import { newsFor } from './waiting-news.ts'

const HEARTBEAT_MS: Millis = 5 * 60_000

/** Looks at the pool, asks for the GPUs when they may be granted, and waits for the next look. */
export class WaitLoop {
  readonly #service: PoolService
  readonly #intent: Intent
  readonly #waiting: Waiting
  readonly giveUpAt: Millis
  readonly #driver: DriverWatch
  readonly #nextLook: NextLook
  /** Whether this program has read the pool. */
  #hasLooked = false
  #beatAt: Millis

  constructor(service: PoolService, intent: Intent, waiting: Waiting) {
    this.#waiting = waiting
    this.#service = service.bounded(this.#lockPatience())
    this.#intent = intent
    this.#driver = new DriverWatch(intent.id)
    this.giveUpAt = waiting.clock() + (waiting.ticket.waitFor ?? Number.POSITIVE_INFINITY)
    this.#beatAt = waiting.clock() + HEARTBEAT_MS
    this.#nextLook = new NextLook({
      service: this.#service,
      intent,
      waiting,
      driver: this.#driver,
      giveUpAt: this.giveUpAt,
    })
  }

  /** A waiter that was interrupted, or whose time has passed, does not wait for the store's lock either. */
  #lockPatience(): LockPatience {
    const { waker, clock } = this.#waiting
    return {
      left: () => (waker.isInterrupted() ? 0 : this.giveUpAt - clock()),
      error: (busy) => (waker.isInterrupted() ? interrupted() : waitedForLock(busy)),
    }
  }

  async run(): Promise<Grant | Refusal> {
    let standsIn = false
    let wasRefused = false
    for (;;) {
      const { pool, now } = await this.#look()
      // The entry may have been dropped. Another attempt would join the queue again, with a new time limit.
      if (this.#waiting.clock() >= this.giveUpAt) return timedOut(pool, this.#intent, now)
      const impossible = impossibleIn(pool, this.#intent.request)
      if (impossible !== null) return impossible
      const couldStart = this.#nextLook.couldStart(pool, now)
      const isLate = pool.queue.some((entry) => entry.id === this.#intent.id && isPassedOver(entry, now))
      if (((couldStart || isLate) && !wasRefused) || standsIn || this.#isCheckDue(pool)) {
        const answer = await this.#attempt(pool)
        if (answer !== null) return answer
        standsIn = false
        wasRefused = true
        continue
      }
      wasRefused = false
      if (placeIn(pool, this.#intent.id) < 0) {
        const refusal = await this.#join()
        if (refusal !== null) return refusal
        continue
      }
      this.#tell(pool, now)
      const next = await this.#nextLook.wait({ pool, now, couldStart, beatAt: this.#beatAt })
      if (next === 'neglected') standsIn = true
      if (next === 'settle') await this.#service.perform({ op: 'settle' })
      if (next === 'beat') await this.#beat()
    }
  }

  /**
   * Whether a newer version has upgraded the pool. A program that has never read the pool is not replaced: it may be
   * the installed one, and would start itself in an endless loop.
   */
  isOutdated(error: unknown): boolean {
    return this.#hasLooked && error instanceof CanhazgpuError && error.code === 'store-too-new'
  }

  async #look(): Promise<{ pool: Pool; now: Millis }> {
    this.#waiting.waker.listen()
    const { pool, moment } = await this.#service.view('stored')
    this.#driver.looked(pool, this.#waiting.clock())
    this.#hasLooked = true
    return { pool, now: moment.wall }
  }

  #isCheckDue(pool: Pool): boolean {
    return this.#waiting.clock() >= this.#driver.nextCheck(pool)
  }

  /** Null: not granted yet. A waiter in the queue keeps its place while probes fail. */
  async #attempt(pool: Pool): Promise<Grant | Refusal | null> {
    const { ticket, clock } = this.#waiting
    try {
      const answer = await this.#service.perform({ op: 'acquire', intent: this.#intent, wait: ticket })
      if (isRefusal(answer)) return answer
      if (answer.kind === 'granted') return answer.grant
      this.#driver.answered(answer.reading, clock())
    } catch (error) {
      if (placeIn(pool, this.#intent.id) < 0 || !isDriverTrouble(error)) throw error
      this.#driver.failed(error, clock())
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

  #tell(pool: Pool, now: Millis): void {
    const { reading, trouble } = this.#driver
    const { stopped } = this.#waiting.processes
    const news = newsFor(this.#intent.id, pool, { now, stopped, reading, trouble })
    if (news !== null) this.#waiting.tell(news)
  }
}

function isDriverTrouble(error: unknown): error is CanhazgpuError {
  return (
    error instanceof CanhazgpuError &&
    ['driver-unresponsive', 'driver-failed', 'driver-missing'].includes(error.code)
  )
}
