import type { Pool } from '../../src/domain/pool/model.ts'
import type { Process } from '../system/process.ts'
import { bookingsIn } from './booked-times.ts'
import { apparentAge } from './frame.ts'
import { livenessFor, type Truth } from './truth.ts'

/** Clock jumps up to this size may stay unnoticed. */
const SLACK = 2_500

/** I7: a reservation or queue entry of the pool that had ended before the command started; null if there is none. */
export function endedEntry(truth: Truth, pool: Pool, command: Process): string | null {
  // A jump that the command does not notice changes which entries have ended.
  if (
    truth.machine.clockSetAt >= command.startedAt &&
    (!truth.frame.noticesJumps(command.moment()) || !truth.frame.isExact)
  )
    return null
  const now = truth.now(command)
  const start = { ...now, at: command.startedAt - SLACK }
  for (const { id } of pool.reservations) {
    const held = truth.known.get(id)
    if (held === undefined) continue
    if (held.expiry !== undefined && apparentAge(held.expiry, start) > 0) return `${id} had expired`
    if (held.intent.term.kind === 'run' && isGone(truth, { id, process: held.holder }, command))
      return `the process of ${id} was gone`
  }
  for (const { id } of bookingsIn(pool)) {
    const booked = truth.booked.get(id)
    if (booked !== undefined && apparentAge(booked.until, start) > 0)
      return `the time of booking ${id} had passed`
  }
  for (const { id } of pool.queue) {
    const waiter = truth.waiting.get(id)
    if (waiter === undefined) continue
    if (waiter.until !== undefined && apparentAge(waiter.until, start) > 0)
      return `the wait of ${id} had ended`
    if (isGone(truth, waiter, command)) return `the waiter ${id} was gone`
  }
  return null
}

function isGone(
  truth: Truth,
  { id, process }: { readonly id: string; readonly process: Process },
  command: Process,
): boolean {
  if (process.diedAt >= command.startedAt) return false
  return livenessFor(command, process) === 'gone' || truth.isKnownRebooted(id, process, command)
}
