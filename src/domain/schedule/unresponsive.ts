import type { Pool, QueueEntry } from '../pool/model.ts'
import type { Conditions } from './conditions.ts'
import { isPassedOver, startableEntries } from './startable.ts'

/**
 * Notes `startableSince` for every waiter before the given entry that can start now. A waiter that does not ask for its
 * units in time is passed over. A stopped waiter needs no note: it is passed over at once.
 */
export function noteStartable(pool: Pool, before: string, conditions: Conditions): Pool {
  if (!pool.queue.some(({ id }) => id === before)) return pool
  const fresh = startableEntries(pool, conditions, before).filter(
    (entry) => entry.startableSince === undefined && !conditions.stopped(entry.process),
  )
  if (fresh.length === 0) return pool
  const queue = pool.queue.map((entry) =>
    fresh.includes(entry) ? { ...entry, startableSince: conditions.now } : entry,
  )
  return { ...pool, queue }
}

/**
 * Clears the note of waiters that can no longer start, so that they get a fresh grace period later. A waiter that was
 * passed over stays passed over until it asks. Otherwise the queue would wait for it again and again.
 */
export function forgetUnstartable(pool: Pool, conditions: Conditions): Pool {
  const isNoted = (entry: QueueEntry) =>
    entry.startableSince !== undefined && !isPassedOver(entry, conditions.now)
  if (!pool.queue.some(isNoted)) return pool
  const startable = new Set(startableEntries(pool, conditions))
  return withoutNote(pool, (entry) => isNoted(entry) && !startable.has(entry))
}

/** Clears the note of a waiter that asks for its units. The queue then waits for it again, even if it gets none. */
export function clearUnresponsive(pool: Pool, id: string): Pool {
  return withoutNote(pool, (entry) => entry.id === id && entry.startableSince !== undefined)
}

function withoutNote(pool: Pool, matches: (entry: QueueEntry) => boolean): Pool {
  if (!pool.queue.some(matches)) return pool
  const queue = pool.queue.map((entry) => {
    if (!matches(entry)) return entry
    const { startableSince: _, ...rest } = entry
    return rest
  })
  return { ...pool, queue }
}
