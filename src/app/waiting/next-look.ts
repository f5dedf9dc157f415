import { canStart } from '../../domain/operation/acquisition.ts'
import { isGone } from '../../domain/operation/ending.ts'
import type { Intent } from '../../domain/operation/intent.ts'
import type { Millis, Pool } from '../../domain/pool/model.ts'
import { type Conditions, isWaitedFor, PASSED_OVER_AFTER_MS } from '../../domain/schedule/startable.ts'
import type { PoolService } from '../../ports/pool-service.ts'
import type { DriverWatch } from './driver-watch.ts'
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
} from './queue-watch.ts'
import { interrupted } from './wait-errors.ts'
import type { Waiting } from './waiting.ts'

/** Time after a change until a waiter looks again only for its news; longer the further back it is. */
const NEWS_EVERY_MS: Millis = 1_000
const NEWS_PER_PLACE_MS: Millis = 200
/** A process that slept this long was stopped, and may have been passed over. */
const FROZEN_AFTER_MS: Millis = PASSED_OVER_AFTER_MS / 2

interface Waiter {
  readonly service: PoolService
  readonly intent: Intent
  readonly waiting: Waiting
  readonly driver: DriverWatch
  /** Steady time. */
  readonly giveUpAt: Millis
}

/** The result of a waiter's last look at the pool. */
interface Seen {
  readonly pool: Pool
  readonly now: Millis
  readonly couldStart: boolean
  /** When its heartbeat is due. Steady time. */
  readonly beatAt: Millis
}

/** `neglected`: a waiter ahead could start and does not ask; this one asks, so that the other is noted. */
type Next = 'look' | 'neglected' | 'settle' | 'beat'

/**
 * Decides when a waiter looks at (reads) the pool again. While nothing changes, it does not read the store. It watches
 * only the processes that matter to its place in the queue.
 */
export class NextLook {
  readonly #waiter: Waiter
  /** Time at which the command of a reservation was first found gone. Steady time. */
  #goneSince: Millis | undefined

  constructor(waiter: Waiter) {
    this.#waiter = waiter
  }

  /** Judged by the reservations, or by the last probe too: waiters ahead that need unusable GPUs then do not count. */
  couldStart(pool: Pool, now: Millis): boolean {
    const { intent, driver } = this.#waiter
    const conditions = this.#conditions(now)
    if (canStart(pool, intent, conditions)) return true
    const unusable = driver.unusable(pool)
    return unusable.size > 0 && canStart(pool, intent, { ...conditions, unusable })
  }

  /** Throws when the waiter is interrupted. */
  async wait({ pool, now, couldStart, beatAt }: Seen): Promise<Next> {
    const { intent, waiting, driver, giveUpAt } = this.#waiter
    const { clock, waker } = waiting
    const neglected = neglectBefore(pool, intent.id, this.#conditions(now))
    const start = clock()
    const expiry = start + nextExpiry(pool) - now
    const checkAt = driver.nextCheck(pool)
    const neglectedAt = this.#neglectedAt(start, neglected)
    let lookAt = start + lookAgainAfter(couldStart)
    for (;;) {
      const expiryAt = this.#standInAt(expiry, pool, now)
      const until = Math.min(giveUpAt, expiryAt, neglectedAt, checkAt, lookAt, beatAt)
      const asleepSince = clock()
      const event = await waker.wait(Math.max(0, Math.min(until - clock(), WATCH_EVERY_MS)))
      if (event === 'interrupted') throw interrupted()
      if (clock() - asleepSince > FROZEN_AFTER_MS) return 'look'
      if (event === 'called' && (await this.#isMyTurn())) return 'look'
      // A call out of turn reports a change as well, and may have replaced its report.
      if (event === 'called' || event === 'changed') lookAt = Math.min(lookAt, this.#newsAt(start, pool))
      if (clock() >= giveUpAt) return 'look'
      if (clock() >= this.#standInAt(expiry, pool, now) || this.#isSomeoneGone(pool, now + clock() - start))
        return 'settle'
      if (clock() >= beatAt) return 'beat'
      if (clock() >= neglectedAt) return neglected?.event ?? 'look'
      if (clock() >= lookAt || clock() >= checkAt) return 'look'
      // Waiters ahead may have been stopped meanwhile.
      if (!couldStart && this.couldStart(pool, now + clock() - start)) return 'look'
      // The process that changed the pool may have been killed before it reported the change.
      if (!couldStart && !this.#hasActiveAhead(pool, now) && (await this.#isMyTurn())) return 'look'
    }
  }

  #newsAt(start: Millis, pool: Pool): Millis {
    const place = placeIn(pool, this.#waiter.intent.id)
    return start + Math.max(NEWS_EVERY_MS, place * NEWS_PER_PLACE_MS)
  }

  /** A waiter that has just probed does not stand in for others again at once. */
  #neglectedAt(start: Millis, neglected: Neglect | null): Millis {
    if (neglected === null) return Number.POSITIVE_INFINITY
    const at = start + neglected.after
    return neglected.event === 'look' ? at : Math.max(at, this.#waiter.driver.askedAt + WATCH_EVERY_MS)
  }

  /** Time at which this waiter acts on an event that is due, unless a waiter ahead has acted. */
  #standInAt(due: Millis, pool: Pool, now: Millis): Millis {
    const { intent, waiting } = this.#waiter
    if (waiting.clock() < due) return due
    return due + standInAfter(pool, intent.id, this.#conditions(now))
  }

  /**
   * Every waiter watches the next one ahead that can itself watch. The first one watches the running commands; those
   * behind stand in for it.
   */
  #isSomeoneGone(pool: Pool, now: Millis): boolean {
    const { intent, waiting } = this.#waiter
    const { alive } = waiting.processes
    const conditions = this.#conditions(now)
    const before = aheadOf(pool, intent.id).findLast((entry) => isWaitedFor(entry, conditions))
    if (before !== undefined && isGone(before, now, alive)) return true
    if (!isSomeRunGone(pool, now, alive)) {
      this.#goneSince = undefined
      return false
    }
    this.#goneSince ??= waiting.clock()
    return waiting.clock() >= this.#standInAt(this.#goneSince, pool, now)
  }

  /** Whether a waiter ahead is active, as far as the kernel shows. */
  #hasActiveAhead(pool: Pool, now: Millis): boolean {
    const conditions = this.#conditions(now)
    return aheadOf(pool, this.#waiter.intent.id).some((entry) => isWaitedFor(entry, conditions))
  }

  async #isMyTurn(): Promise<boolean> {
    return (await this.#waiter.service.view('turns')).includes(this.#waiter.intent.id)
  }

  #conditions(now: Millis): Conditions {
    return { now, stopped: this.#waiter.waiting.processes.stopped }
  }
}
