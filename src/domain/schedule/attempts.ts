import { obstaclesIn, type Reading } from '../observation/obstacles.ts'
import type { Pool, QueueEntry } from '../pool/model.ts'
import type { Conditions } from './conditions.ts'
import { isPassedOver, startableEntries } from './startable.ts'

export interface Attempting {
  readonly conditions: Conditions
  /** The reading of the last attempt that was not granted. */
  readonly reading: Reading | undefined
  /** Whether the client of the entry is connected, so that it can be granted GPUs. */
  readonly isConnected: (entry: QueueEntry) => boolean
}

/**
 * The entries for which GPUs are tried to be acquired now, in the order of the queue. An entry that can start may have
 * no client, for example after a restart of the daemon. Then the next connected entry behind it tries too, and that
 * attempt starts the grace period of the absent waiter.
 */
export function entriesToAttempt(
  pool: Pool,
  { conditions, reading, isConnected }: Attempting,
): readonly QueueEntry[] {
  const startable = startableWith(pool, conditions, reading)
  const attempted: QueueEntry[] = []
  let isSomeoneAbsent = false
  for (const entry of pool.queue) {
    const canStart = startable.has(entry.id) || isPassedOver(entry, conditions.now)
    if (!isConnected(entry)) isSomeoneAbsent ||= canStart
    else if ((canStart || isSomeoneAbsent) && !conditions.stopped(entry.process)) {
      attempted.push(entry)
      if (!canStart) isSomeoneAbsent = false
    }
  }
  return attempted
}

/**
 * The entries that can start by the reservations alone, and those that can start when the GPUs that the last reading
 * shows as unusable are left out.
 */
function startableWith(
  pool: Pool,
  conditions: Conditions,
  reading: Reading | undefined,
): ReadonlySet<string> {
  const startable = startableEntries(pool, conditions)
  const obstacles = obstaclesIn(pool, reading).filter(({ kind }) => kind !== 'unchecked')
  const unusable = new Set(obstacles.map(({ unit }) => unit))
  const others = unusable.size === 0 ? [] : startableEntries(pool, { ...conditions, unusable })
  return new Set([...startable, ...others].map(({ id }) => id))
}
