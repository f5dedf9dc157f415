import { isGone } from '../../domain/operation/ending.ts'
import type { Millis, Pool, QueueEntry } from '../../domain/pool/model.ts'
import type { AliveCheck } from '../../domain/pool/process-check.ts'
import { knownEnd } from '../../domain/schedule/calendar.ts'
import {
  type Conditions,
  isWaitedFor,
  PASSED_OVER_AFTER_MS,
  startableEntries,
} from '../../domain/schedule/startable.ts'

/** After this time a waiter notes its neighbour ahead that could start and does not ask. The note starts its grace period. */
const NOTE_NEIGHBOUR_AFTER_MS: Millis = 500
/** A waiter further ahead is noted this much later for each place, if the waiters between have not noted it. */
const NOTE_OTHERS_AFTER_MS: Millis = 2_000

/** Interval at which the first waiter checks for squatters that left, and every waiter for processes that are gone. */
export const WATCH_EVERY_MS: Millis = 2_000

/** The first waiter acts on a due event at once. Each waiter behind stands in for it this much later than the one before. */
const STAND_IN_AFTER_MS: Millis = 1_000

/** How, and after which time, to act on a waiter ahead that can start and does not ask. */
export interface Neglect {
  readonly after: Millis
  readonly event: 'look' | 'neglected'
}

/** Counted from 0; -1 for an entry that is not in the queue. */
export function placeIn(pool: Pool, id: string): number {
  return pool.queue.findIndex((entry) => entry.id === id)
}

/**
 * Null: no waiter ahead can start. A noted waiter needs no second note: the others look again when the first grace
 * period ends.
 */
export function neglectBefore(pool: Pool, id: string, conditions: Conditions): Neglect | null {
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
  if (noted.length > 0) return { after: Math.min(...noted), event: 'look' }
  const after = distance === 1 ? NOTE_NEIGHBOUR_AFTER_MS : distance * NOTE_OTHERS_AFTER_MS
  return { after, event: 'neglected' }
}

/** The time at which the next reservation expires; infinite if there is none. A run ends with its process. */
export function nextExpiry(pool: Pool): Millis {
  const expiring = pool.reservations.filter(({ term }) => term.kind !== 'run')
  return Math.min(Number.POSITIVE_INFINITY, ...expiring.map(knownEnd))
}

export function aheadOf(pool: Pool, id: string): readonly QueueEntry[] {
  return pool.queue.slice(0, Math.max(0, placeIn(pool, id)))
}

/** How long a waiter lets the waiters ahead act on a due event: longer for each active one. */
export function standInAfter(pool: Pool, id: string, conditions: Conditions): Millis {
  const active = aheadOf(pool, id).filter((entry) => isWaitedFor(entry, conditions))
  return active.length * STAND_IN_AFTER_MS
}

/** Whether the command of some reservation is gone. */
export function isSomeRunGone(pool: Pool, now: Millis, alive: AliveCheck): boolean {
  return pool.reservations.some(({ term }) => term.kind === 'run' && isGone(term, now, alive))
}

/** Time until the next look without a known change: the pool does not show when a squatter leaves. */
export const lookAgainAfter = (couldStart: boolean): Millis =>
  couldStart ? WATCH_EVERY_MS : Number.POSITIVE_INFINITY
