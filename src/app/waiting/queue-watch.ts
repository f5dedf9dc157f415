import { nextReadingAt } from '../../domain/operation/booked.ts'
import { isGone } from '../../domain/operation/ending.ts'
import type { Millis, Pool, QueueEntry } from '../../domain/pool/model.ts'
import type { AliveCheck } from '../../domain/pool/process-check.ts'
import type { Conditions } from '../../domain/schedule/conditions.ts'
import { isWaitedFor, PASSED_OVER_AFTER_MS, startableEntries } from '../../domain/schedule/startable.ts'
import { knownEnd } from '../../domain/schedule/term-times.ts'

/**
 * A waiter ahead that could start may not do so. After this time the waiter directly behind it makes a note in the pool.
 * The note starts the grace period of the waiter ahead.
 */
const NOTE_NEIGHBOUR_AFTER_MS: Millis = 500
/** A waiter further behind makes the note after this time for each place between them, if nobody else has made it. */
const NOTE_OTHERS_AFTER_MS: Millis = 2_000

/** Interval at which every waiter checks for processes that are gone, and one that could start reads the pool. */
export const WATCH_EVERY_MS: Millis = 2_000

/** The first waiter acts on a due event at once. Each one behind it acts this much later, if no other has acted. */
const STAND_IN_AFTER_MS: Millis = 1_000

/** A waiter ahead could start and does not. This is what a waiter behind does about it, and after which time. */
export interface UnusedTurn {
  readonly after: Millis
  /** `acquire` notes the waiter ahead in the pool. */
  readonly action: 'read' | 'acquire'
}

/** Counted from 0; -1 for an entry that is not in the queue. */
export function placeIn(pool: Pool, id: string): number {
  return pool.queue.findIndex((entry) => entry.id === id)
}

/**
 * Null: no waiter ahead can start. A noted waiter needs no second note: the others read the pool when the first grace
 * period ends.
 */
export function unusedTurnBefore(pool: Pool, id: string, conditions: Conditions): UnusedTurn | null {
  const next = startableEntries(pool, conditions, id).findLast((entry) => isWaitedFor(entry, conditions))
  const place = placeIn(pool, id)
  if (next === undefined || place < 0) return null
  const distance = place - pool.queue.indexOf(next)
  const noted = pool.queue
    .slice(0, place)
    .filter(({ process }) => !conditions.stopped(process))
    .flatMap((entry) => entry.startableSince ?? [])
    .map((since) => since + PASSED_OVER_AFTER_MS - conditions.now)
    .filter((left) => left > 0)
  if (noted.length > 0) return { after: Math.min(...noted), action: 'read' }
  const after = distance === 1 ? NOTE_NEIGHBOUR_AFTER_MS : distance * NOTE_OTHERS_AFTER_MS
  return { after, action: 'acquire' }
}

/**
 * The time at which the next reservation expires, or a booking needs a reading; infinite if there is none. A run ends
 * with its process.
 */
export function nextExpiry(pool: Pool, now: Millis): Millis {
  const expiring = pool.reservations.filter(({ term }) => term.kind !== 'run')
  return Math.min(nextReadingAt(pool, now), ...expiring.map(knownEnd))
}

export function aheadOf(pool: Pool, id: string): readonly QueueEntry[] {
  return pool.queue.slice(0, Math.max(0, placeIn(pool, id)))
}

/** How long a waiter leaves a due event to the active waiters ahead. */
export function standInAfter(pool: Pool, id: string, conditions: Conditions): Millis {
  const active = aheadOf(pool, id).filter((entry) => isWaitedFor(entry, conditions))
  return active.length * STAND_IN_AFTER_MS
}

/** Whether the command of some reservation is gone. */
export function isSomeRunGone(pool: Pool, now: Millis, alive: AliveCheck): boolean {
  return pool.reservations.some(({ term }) => term.kind === 'run' && isGone(term, now, alive))
}

/** Time until the next read without a known change: the pool does not show when unreserved use of a GPU ends. */
export const readAgainAfter = (couldStart: boolean): Millis =>
  couldStart ? WATCH_EVERY_MS : Number.POSITIVE_INFINITY
