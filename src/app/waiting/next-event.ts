import { canStart } from '../../domain/operation/acquisition.ts'
import { isGone } from '../../domain/operation/ending.ts'
import type { Intent } from '../../domain/operation/intent.ts'
import type { Millis, Pool } from '../../domain/pool/model.ts'
import type { Conditions } from '../../domain/schedule/conditions.ts'
import { isWaitedFor, PASSED_OVER_AFTER_MS } from '../../domain/schedule/startable.ts'
import type { PoolService } from '../../ports/pool-service.ts'
import type { LastProbe } from './last-probe.ts'
import {
  aheadOf,
  isSomeRunGone,
  nextExpiry,
  placeIn,
  readAgainAfter,
  standInAfter,
  type UnusedTurn,
  unusedTurnBefore,
  WATCH_EVERY_MS,
} from './queue-watch.ts'
import { interrupted } from './wait-errors.ts'
import type { Waiting } from './waiting.ts'

/** Time after a change until a waiter reads the pool only to report its progress; longer the further back it is. */
const PROGRESS_EVERY_MS: Millis = 1_000
const PROGRESS_PER_PLACE_MS: Millis = 200
/** A process that slept this long was stopped, and may have been passed over. */
const FROZEN_AFTER_MS: Millis = PASSED_OVER_AFTER_MS / 2

interface Waiter {
  readonly service: PoolService
  readonly intent: Intent
  readonly waiting: Waiting
  readonly lastProbe: LastProbe
  /** Steady time. */
  readonly giveUpAt: Millis
}

/** The result of a waiter's last read of the pool. */
interface LastRead {
  readonly pool: Pool
  readonly now: Millis
  readonly couldStart: boolean
  /** When its heartbeat is due. Steady time. */
  readonly beatAt: Millis
}

/** What the waiter must do next. `acquire`: a waiter ahead does not use its turn, see `UnusedTurn`. */
type Event = 'read' | 'acquire' | 'settle' | 'heartbeat'

/**
 * Waits for the next event of a waiter. While nothing changes, the waiter does not read the store. It watches only the
 * processes that matter to its place in the queue.
 */
export class NextEvent {
  readonly #waiter: Waiter
  /** Time at which the command of a reservation was first found gone. Steady time. */
  #goneSince: Millis | undefined

  constructor(waiter: Waiter) {
    this.#waiter = waiter
  }

  /**
   * Whether the waiter could start according to the reservations alone, or according to the last probe too. With the
   * probe, waiters ahead that need unusable GPUs do not count.
   */
  couldStart(pool: Pool, now: Millis): boolean {
    const { intent, lastProbe } = this.#waiter
    const conditions = this.#conditions(now)
    if (canStart(pool, intent, conditions)) return true
    const unusable = lastProbe.unusable(pool)
    return unusable.size > 0 && canStart(pool, intent, { ...conditions, unusable })
  }

  /** Throws when the waiter is interrupted. */
  async wait({ pool, now, couldStart, beatAt }: LastRead): Promise<Event> {
    const { intent, waiting, lastProbe, giveUpAt } = this.#waiter
    const { clock, waker } = waiting
    const unused = unusedTurnBefore(pool, intent.id, this.#conditions(now))
    const start = clock()
    const expiry = start + nextExpiry(pool, now) - now
    const probeAt = lastProbe.nextProbeAt(pool)
    const unusedAt = this.#unusedAt(start, unused)
    let readAt = start + readAgainAfter(couldStart)
    for (;;) {
      const expiryAt = this.#standInAt(expiry, pool, now)
      const until = Math.min(giveUpAt, expiryAt, unusedAt, probeAt, readAt, beatAt)
      const asleepSince = clock()
      const event = await waker.wait(Math.max(0, Math.min(until - clock(), WATCH_EVERY_MS)))
      if (event === 'interrupted') throw interrupted()
      if (clock() - asleepSince > FROZEN_AFTER_MS) return 'read'
      if (event === 'called' && (await this.#isMyTurn())) return 'read'
      // A call out of turn reports a change as well, and may have replaced its report.
      if (event === 'called' || event === 'changed') readAt = Math.min(readAt, this.#progressAt(start, pool))
      if (clock() >= giveUpAt) return 'read'
      if (clock() >= this.#standInAt(expiry, pool, now) || this.#isSomeoneGone(pool, now + clock() - start))
        return 'settle'
      if (clock() >= beatAt) return 'heartbeat'
      if (clock() >= unusedAt) return unused?.action ?? 'read'
      if (clock() >= readAt || clock() >= probeAt) return 'read'
      // Waiters ahead may have been stopped meanwhile.
      if (!couldStart && this.couldStart(pool, now + clock() - start)) return 'read'
      // The process that changed the pool may have been killed before it reported the change.
      if (!couldStart && !this.#hasActiveAhead(pool, now) && (await this.#isMyTurn())) return 'read'
    }
  }

  #progressAt(start: Millis, pool: Pool): Millis {
    const place = placeIn(pool, this.#waiter.intent.id)
    return start + Math.max(PROGRESS_EVERY_MS, place * PROGRESS_PER_PLACE_MS)
  }

  /** A waiter that has just probed waits for its next probe before it uses the turn of another waiter. */
  #unusedAt(start: Millis, unused: UnusedTurn | null): Millis {
    if (unused === null) return Number.POSITIVE_INFINITY
    const at = start + unused.after
    return unused.action === 'read' ? at : Math.max(at, this.#waiter.lastProbe.probedAt + WATCH_EVERY_MS)
  }

  /** Time at which this waiter acts on an event that is due, unless a waiter ahead has acted. */
  #standInAt(due: Millis, pool: Pool, now: Millis): Millis {
    const { intent, waiting } = this.#waiter
    if (waiting.clock() < due) return due
    return due + standInAfter(pool, intent.id, this.#conditions(now))
  }

  /**
   * Every waiter watches the next active one ahead. The first one watches the running commands; those behind stand in
   * for it.
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
