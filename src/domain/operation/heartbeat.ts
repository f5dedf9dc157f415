import type { Pool, UnitId } from '../pool/model.ts'
import { unitsOf } from '../pool/units.ts'
import type { Context, Done, Operation } from './operation.ts'

/** Never revives an ended reservation: it finds and updates the id in one step. */
export function recordHeartbeat(
  pool: Pool,
  { id }: Operation<'heartbeat'>,
  { now }: Context,
): Done<readonly UnitId[]> {
  const heartbeatAt = now.wall
  const held = pool.reservations.find((each) => each.id === id)
  if (held?.term.kind === 'run') {
    const beating = { ...held, term: { ...held.term, heartbeatAt } }
    const reservations = pool.reservations.map((each) => (each === held ? beating : each))
    return { pool: { ...pool, reservations }, answer: unitsOf(held) }
  }
  if (!pool.queue.some((entry) => entry.id === id)) return { pool, answer: [] }
  const queue = pool.queue.map((entry) => (entry.id === id ? { ...entry, heartbeatAt } : entry))
  return { pool: { ...pool, queue }, answer: [] }
}
