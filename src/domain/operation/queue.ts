import type { Pool } from '../pool/model.ts'
import { addToQueue, impossibleIn, removeFromQueue } from './acquisition.ts'
import { endReservation } from './ending.ts'
import type { Context, Done, Operation } from './operation.ts'
import { isRefusal } from './refusal.ts'

export function joinQueue(pool: Pool, { intent, wait }: Operation<'join'>, { now }: Context): Done<null> {
  const impossible = impossibleIn(pool, intent.request)
  if (impossible !== null) return { pool, answer: impossible }
  const joined = addToQueue(pool, intent, wait, now.wall)
  return isRefusal(joined) ? { pool, answer: joined } : { pool: joined, answer: null }
}

export function leaveQueue(pool: Pool, { id }: Operation<'leave'>, { now }: Context): Done<null> {
  const left = endReservation(removeFromQueue(pool, id), id, 'released', now.wall)
  return { pool: left.pool, records: left.ended, answer: null }
}
