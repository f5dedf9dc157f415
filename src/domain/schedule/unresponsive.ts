import type { Pool, QueueEntry } from '../pool/model.ts'
import { type Conditions, isPassedOver, startableEntries } from './startable.ts'

/**
 * Notes the time for every waiter before the given entry that could start now and does not ask: it is passed over
 * when it does not ask in time. A stopped waiter is passed over without that.
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
 * A waiter that can no longer start gets its full time again when it can. But a waiter that was passed over stays so
 * until it asks, or everybody would have to wait for it again and again.
 */
export function forgetUnstartable(pool: Pool, conditions: Conditions): Pool {
  const isNoted = (entry: QueueEntry) =>
    entry.startableSince !== undefined && !isPassedOver(entry, conditions.now)
  if (!pool.queue.some(isNoted)) return pool
  const startable = new Set(startableEntries(pool, conditions))
  return withoutNote(pool, (entry) => isNoted(entry) && !startable.has(entry))
}

/** A waiter that asks for its units is waited for again, even if it does not get them. */
export function clearUnresponsive(pool: Pool, id: string): Pool {
  return withoutNote(pool, (entry) => entry.id === id && entry.startableSince !== undefined)
}

function withoutNote(pool: Pool, isMeant: (entry: QueueEntry) => boolean): Pool {
  if (!pool.queue.some(isMeant)) return pool
  const queue = pool.queue.map((entry) => {
    if (!isMeant(entry)) return entry
    const { startableSince: _, ...rest } = entry
    return rest
  })
  return { ...pool, queue }
}
