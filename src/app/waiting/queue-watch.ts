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

/** How often the first in the queue looks for squatters that left, and every waiter for processes that are gone. */
export const WATCH_EVERY_MS: Millis = 2_000

/** The first in the queue acts at once on what is due. Those behind act in its place, each this much later. */
const STAND_IN_AFTER_MS: Millis = 1_000

/** In how long to act on a waiter ahead that could start and does not ask, and how. */
export interface Neglect {
  readonly after: Millis
  readonly event: 'look' | 'neglected'
}

/** Counted from 0; -1 for an entry that is not in the queue. */
export function placeIn(pool: Pool, id: string): number {
  return pool.queue.findIndex((entry) => entry.id === id)
}

/**
 * Null: every waiter ahead that could start asks. A noted waiter needs no further note: every waiter only looks again
 * when the first grace period ends.
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

/** When the next reservation expires; infinite where none does. A run ends with its process. */
export function nextExpiry(pool: Pool): Millis {
  const expiring = pool.reservations.filter(({ term }) => term.kind !== 'run')
  return Math.min(Number.POSITIVE_INFINITY, ...expiring.map(knownEnd))
}

export function aheadOf(pool: Pool, id: string): readonly QueueEntry[] {
  return pool.queue.slice(0, Math.max(0, placeIn(pool, id)))
}

/** How long a waiter leaves it to those ahead to act on what is due: longer for each that acts by itself. */
export function standInAfter(pool: Pool, id: string, conditions: Conditions): Millis {
  const active = aheadOf(pool, id).filter((entry) => isWaitedFor(entry, conditions))
  return active.length * STAND_IN_AFTER_MS
}

/** Whether a command is gone whose reservation is still there. */
export function isSomeRunGone(pool: Pool, now: Millis, alive: AliveCheck): boolean {
  return pool.reservations.some(({ term }) => term.kind === 'run' && isGone(term, now, alive))
}

/** In how long to look again although no change is known: the pool does not show when a squatter leaves. */
export const lookAgainAfter = (couldStart: boolean): Millis =>
  couldStart ? WATCH_EVERY_MS : Number.POSITIVE_INFINITY
