import type { Pool } from '../pool/model.ts'
import { addToQueue, impossibleIn, removeFromQueue } from './acquisition.ts'
import { endReservation } from './ending.ts'
import { limitedIntent, limitNeverAllowing } from './limited-request.ts'
import type { Context, Done, Operation } from './operation.ts'
import { isRefusal } from './refusal.ts'

export function joinQueue(
  pool: Pool,
  { intent: given, wait }: Operation<'join'>,
  { now, groups, processes }: Context,
): Done<null> {
  const impossible = impossibleIn(pool, given.request)
  if (impossible !== null) return { pool, answer: impossible }
  const intent = limitedIntent(pool.policy, given, groups)
  const never = limitNeverAllowing(pool, intent, now.wall)
  if (never !== null) return { pool, answer: { refused: never } }
  const joined = addToQueue(pool, { ...intent, term: given.term }, wait, {
    now: now.wall,
    stopped: processes.stopped,
  })
  return isRefusal(joined) ? { pool, answer: joined } : { pool: joined, answer: null }
}

export function leaveQueue(pool: Pool, { id }: Operation<'leave'>, { now }: Context): Done<null> {
  const left = endReservation(removeFromQueue(pool, id), id, 'released', now.wall)
  return { pool: left.pool, records: left.ended, answer: null }
}
