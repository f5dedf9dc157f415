import { CanhazgpuError } from '../../domain/errors.ts'
import { canStart, impossibleIn } from '../../domain/operation/acquisition.ts'
import { isGone } from '../../domain/operation/ending.ts'
import type { Grant, Intent, Ticket } from '../../domain/operation/intent.ts'
import { isRefusal, type Refusal } from '../../domain/operation/refusal.ts'
import type { Millis, Pool, QueueEntry } from '../../domain/pool/model.ts'
import type { ProcessCheck } from '../../domain/pool/process-check.ts'
import {
  type Conditions,
  isPassedOver,
  isWaitedFor,
  PASSED_OVER_AFTER_MS,
} from '../../domain/schedule/startable.ts'
import type { PoolService } from '../../ports/pool-service.ts'
import type { LockPatience } from '../../ports/store.ts'
import { DriverWatch } from './driver-watch.ts'
import {
  aheadOf,
  isSomeRunGone,
  lookAgainAfter,
  type Neglect,
  neglectBefore,
  nextExpiry,
  placeIn,
  standInAfter,
  WATCH_EVERY_MS,
} from './line-watch.ts'
import { newsFor, type WaitingNews } from './waiting-news.ts'

/** Wakes a waiter. What happens while nobody waits is not lost: the next wait returns at once. */
export interface Waker {
  /** `called`: it may be the waiter's turn. `changed`: the pool changed, told once after each `listen`. */
  wait(ms: Millis): Promise<'called' | 'changed' | 'timeout' | 'interrupted'>
  /** To be called before a look, so that whatever comes after it is told. */
  listen(): void
  /** Whether the waiter was told to stop so far. */
  isInterrupted(): boolean
  /** Whether the waiter was told to stop, asked once, after the last wait: from here on it cannot be told. */
  wasInterrupted(): Promise<boolean>
}

export interface Waiting {
  readonly ticket: Ticket
  /** To see for itself whether those before it, and those who hold what it waits for, are still there. */
  readonly processes: ProcessCheck
  readonly waker: Waker
  /** Steady time. */
  readonly clock: () => Millis
  /** Called at every look at the line; the same news may come twice. */
  readonly tell: (news: WaitingNews) => void
  /** Called when a newer version took over the pool during the wait; goes on in the place of this process, or returns. */
  readonly becomeSuccessor?: (place: { entry: string; giveUpAt: Millis }) => Promise<void>
}

/** Who has nothing to do but to tell the news looks this seldom, and the less often the further back. */
const NEWS_EVERY_MS: Millis = 1_000
const NEWS_PER_PLACE_MS: Millis = 200
const HEARTBEAT_MS: Millis = 5 * 60_000
/** Who slept this long was stopped meanwhile, and may have been passed over. */
const FROZEN_AFTER_MS: Millis = PASSED_OVER_AFTER_MS / 2

/**
 * Grants the GPUs as soon as it is this intent's turn, keeping its place in the queue meanwhile. Throws
 * `wait-timed-out` and `interrupted`, having left the queue; so it has after a refusal.
 */
export async function acquireInLine(
  service: PoolService,
  intent: Intent,
  waiting: Waiting,
): Promise<Grant | Refusal> {
  const wait = new Wait(service, intent, waiting)
  let leaving = () => leavingSoon(service, waiting.clock)
  const leave = () => leaving().perform({ op: 'leave', id: intent.id })
  try {
    const answer = await wait.served()
    if (isRefusal(answer)) {
      await leave().catch(() => {})
      return answer
    }
    // A reservation must be given back, however long it takes.
    leaving = () => service
    if (await waiting.waker.wasInterrupted()) throw interrupted()
    return answer
  } catch (error) {
    if (wait.isOutdated(error)) {
      if (await waiting.waker.wasInterrupted()) throw interrupted()
      await waiting.becomeSuccessor?.({ entry: intent.id, giveUpAt: wait.giveUpAt })
    }
    // A store that fails or stays locked cannot be told; the entry goes with this process then.
    await leave().catch(() => {})
    throw error
  }
}

/** How long a waiter that gives up waits for the lock of the store. */
const LEAVE_WITHIN_MS: Millis = 250

function leavingSoon(service: PoolService, clock: () => Millis): PoolService {
  const giveUpAt = clock() + LEAVE_WITHIN_MS
  return service.bounded({ left: () => giveUpAt - clock(), error: (busy) => busy })
}

/** The wait is over because another process held the store's lock until then. */
export const waitedForLock = (busy: CanhazgpuError): CanhazgpuError =>
  new CanhazgpuError('wait-timed-out', `Timed out waiting for GPUs: ${busy.message}`, {
    ...(busy.hint === undefined ? {} : { hint: busy.hint }),
    cause: busy,
  })

const interrupted = () => new CanhazgpuError('interrupted', 'Interrupted while waiting for GPUs')

class Wait {
  readonly #service: PoolService
  readonly #intent: Intent
  readonly #waiting: Waiting
  readonly giveUpAt: Millis
  /** Whether this program could read the pool at all. */
  #hasLooked = false
  #beatAt: Millis
  readonly #driver: DriverWatch
  /** When a command was first seen to be gone whose reservation stands. */
  #goneSince: Millis | undefined

  constructor(service: PoolService, intent: Intent, waiting: Waiting) {
    this.#waiting = waiting
    this.#service = service.bounded(this.#lockPatience())
    this.#intent = intent
    this.#driver = new DriverWatch(intent.id)
    this.giveUpAt = waiting.clock() + (waiting.ticket.waitFor ?? Number.POSITIVE_INFINITY)
    this.#beatAt = waiting.clock() + HEARTBEAT_MS
  }

  /** A waiter that was told to stop, or whose time is over, does not wait for the store's lock either. */
  #lockPatience(): LockPatience {
    const { waker, clock } = this.#waiting
    return {
      left: () => (waker.isInterrupted() ? 0 : this.giveUpAt - clock()),
      error: (busy) => (waker.isInterrupted() ? interrupted() : waitedForLock(busy)),
    }
  }

  async served(): Promise<Grant | Refusal> {
    let standIn = false
    let justRefused = false
    for (;;) {
      const { pool, now } = await this.#look()
      // Others have taken it out of the line by then: it would come back as a newcomer, with new time to wait.
      if (this.#waiting.clock() >= this.giveUpAt) throw this.#waitedTooLong()
      const impossible = impossibleIn(pool, this.#intent.request)
      if (impossible !== null) return impossible
      const servable = this.#isServable(pool, now)
      const isLate = pool.queue.some((entry) => entry.id === this.#intent.id && isPassedOver(entry, now))
      if (((servable || isLate) && !justRefused) || standIn || this.#isCheckDue(pool)) {
        const answer = await this.#attempt(pool)
        if (answer !== null) return answer
        standIn = false
        justRefused = true
        continue
      }
      justRefused = false
      if (placeIn(pool, this.#intent.id) < 0) {
        const refusal = await this.#join()
        if (refusal !== null) return refusal
        continue
      }
      this.#tell(pool, now)
      const neglected = neglectBefore(pool, this.#intent.id, this.#conditions(now))
      const event = await this.#wait(pool, now, { servable, neglected })
      if (event === 'neglected') standIn = true
      if (event === 'settle') await this.#service.perform({ op: 'settle' })
      if (event === 'beat') await this.#beat()
    }
  }

  async #look(): Promise<{ pool: Pool; now: Millis }> {
    this.#waiting.waker.listen()
    const { pool, moment } = await this.#service.view('stored')
    this.#driver.looked(pool, this.#waiting.clock())
    this.#hasLooked = true
    return { pool, now: moment.wall }
  }

  /**
   * A newer version has taken over the pool. A program that could never read the pool is not replaced: it may be
   * the installed one, and would be started for ever.
   */
  isOutdated(error: unknown): boolean {
    return this.#hasLooked && error instanceof CanhazgpuError && error.code === 'store-too-new'
  }

  /** Who stands in line already does not lose the place for a driver that has trouble for a while. */
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

  /**
   * Waits for whatever makes another look worth while. While nothing changes the store is left alone: only
   * the processes that matter to this place are watched.
   */
  async #wait(
    pool: Pool,
    now: Millis,
    { servable, neglected }: { servable: boolean; neglected: Neglect | null },
  ): Promise<'look' | 'neglected' | 'settle' | 'beat'> {
    const { clock, waker } = this.#waiting
    const place = placeIn(pool, this.#intent.id)
    const start = clock()
    const expiry = start + nextExpiry(pool) - now
    const checkAt = this.#driver.nextCheck(pool)
    const neglectedAt = this.#neglectedAt(start, neglected)
    let lookAt = start + lookAgainAfter(servable)
    for (;;) {
      const expiryAt = this.#standInAt(expiry, pool, now)
      const until = Math.min(this.giveUpAt, expiryAt, neglectedAt, checkAt, lookAt, this.#beatAt)
      const asleepSince = clock()
      const event = await waker.wait(Math.max(0, Math.min(until - clock(), WATCH_EVERY_MS)))
      if (event === 'interrupted') throw interrupted()
      if (clock() - asleepSince > FROZEN_AFTER_MS) return 'look'
      if (event === 'called' && (await this.#isMyTurn())) return 'look'
      // A call that was meant for another tells of a change as well, and may have taken its place.
      if (event === 'called' || event === 'changed') {
        lookAt = Math.min(lookAt, start + Math.max(NEWS_EVERY_MS, place * NEWS_PER_PLACE_MS))
      }
      if (clock() >= this.giveUpAt) throw this.#waitedTooLong()
      if (clock() >= this.#standInAt(expiry, pool, now) || this.#someoneIsGone(pool, now + clock() - start))
        return 'settle'
      if (clock() >= this.#beatAt) return 'beat'
      if (clock() >= neglectedAt) return neglected?.event ?? 'look'
      if (clock() >= lookAt || clock() >= checkAt) return 'look'
      // Those before may have been stopped meanwhile.
      if (!servable && this.#isServable(pool, now + clock() - start)) return 'look'
      // Who changed the pool may have been killed before it told anyone.
      if (
        !servable &&
        !aheadOf(pool, this.#intent.id).some((entry) => this.#isActive(entry, now)) &&
        (await this.#isMyTurn())
      )
        return 'look'
    }
  }

  #isCheckDue(pool: Pool): boolean {
    return this.#waiting.clock() >= this.#driver.nextCheck(pool)
  }

  /** A waiter that has just asked the driver does not stand in for others at once again. */
  #neglectedAt(start: Millis, neglected: Neglect | null): Millis {
    if (neglected === null) return Number.POSITIVE_INFINITY
    const at = start + neglected.after
    return neglected.event === 'look' ? at : Math.max(at, this.#driver.askedAt + WATCH_EVERY_MS)
  }

  #conditions(now: Millis): Conditions {
    return { now, stopped: this.#waiting.processes.stopped }
  }

  /** As far as reservations tell, or the driver's last answer, by which those before it may not count. */
  #isServable(pool: Pool, now: Millis): boolean {
    const conditions = this.#conditions(now)
    if (canStart(pool, this.#intent, conditions)) return true
    const unusable = this.#driver.unusable(pool)
    return unusable.size > 0 && canStart(pool, this.#intent, { ...conditions, unusable })
  }

  async #isMyTurn(): Promise<boolean> {
    return (await this.#service.view('turns')).includes(this.#intent.id)
  }

  /** Whether it acts by itself, as far as can be seen. A waiter asks this of its neighbour, rarely of all ahead. */
  #isActive(entry: QueueEntry, now: Millis): boolean {
    return isWaitedFor(entry, this.#conditions(now))
  }

  /** When to act on what is due at that time, unless a waiter ahead has done so. */
  #standInAt(due: Millis, pool: Pool, now: Millis): Millis {
    if (this.#waiting.clock() < due) return due
    return due + standInAfter(pool, this.#intent.id, this.#conditions(now))
  }

  /**
   * Everyone watches the next one ahead that can itself watch. The first watches the running commands; those behind
   * stand in for it.
   */
  #someoneIsGone(pool: Pool, now: Millis): boolean {
    const { clock, processes } = this.#waiting
    const { alive } = processes
    const before = aheadOf(pool, this.#intent.id).findLast((entry) => this.#isActive(entry, now))
    if (before !== undefined && isGone(before, now, alive)) return true
    if (!isSomeRunGone(pool, now, alive)) {
      this.#goneSince = undefined
      return false
    }
    this.#goneSince ??= clock()
    return clock() >= this.#standInAt(this.#goneSince, pool, now)
  }

  #tell(pool: Pool, now: Millis): void {
    const { reading, trouble } = this.#driver
    const news = newsFor(this.#intent.id, pool, { ...this.#conditions(now), reading, trouble })
    if (news !== null) this.#waiting.tell(news)
  }

  #waitedTooLong(): CanhazgpuError {
    return new CanhazgpuError('wait-timed-out', 'The wait is over and the GPUs are still not available', {
      hint: "see 'canhazgpu queue' and 'canhazgpu status'",
    })
  }
}

function isDriverTrouble(error: unknown): error is CanhazgpuError {
  return (
    error instanceof CanhazgpuError &&
    ['driver-unresponsive', 'driver-failed', 'driver-missing'].includes(error.code)
  )
}
