import type { Pool } from '../../src/domain/pool/model.ts'
import type { Process } from '../world/process.ts'
import { type Books, sightOf } from './books.ts'
import { apparentAge } from './frame.ts'

/** Clocks may jump this much unnoticed. */
const SLACK = 2_500

/** I7: what, of all that stands in the pool, was over before that command started; null: nothing. */
export function overSince(books: Books, pool: Pool, command: Process): string | null {
  // Before a jump that it does not notice, less or more was over than after it.
  if (
    books.machine.clockSetAt >= command.bornAt &&
    (!books.frame.heals(command.moment()) || !books.frame.isExact)
  )
    return null
  const now = books.now(command)
  const start = { ...now, at: command.bornAt - SLACK }
  for (const { id } of pool.reservations) {
    const held = books.known.get(id)
    if (held === undefined) continue
    if (held.expiry !== undefined && apparentAge(held.expiry, start) > 0) return `${id} had expired`
    if (held.intent.term.kind === 'run' && isGone(books, { id, process: held.holder }, command))
      return `the process of ${id} was gone`
  }
  for (const { id } of pool.queue) {
    const waiter = books.waiting.get(id)
    if (waiter === undefined) continue
    if (waiter.until !== undefined && apparentAge(waiter.until, start) > 0)
      return `the wait of ${id} was over`
    if (isGone(books, waiter, command)) return `the waiter ${id} was gone`
  }
  return null
}

function isGone(
  books: Books,
  { id, process }: { readonly id: string; readonly process: Process },
  command: Process,
): boolean {
  if (process.diedAt >= command.bornAt) return false
  return sightOf(command, process) === 'gone' || books.isKnownRebooted(id, process, command)
}
