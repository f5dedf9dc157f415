import type { Pool, Unit, UnitId } from '../pool/model.ts'
import { hasUnit, unitsOf } from '../pool/units.ts'
import { audited } from './audited.ts'
import { withoutBroken } from './kept-bookings.ts'
import type { Answers, Context, Done, Operation } from './operation.ts'
import { isRefusal, type Refusal } from './refusal.ts'
import { heldBy } from './shortage.ts'

/**
 * Takes units out of service: their holders keep them to the end of the term, and no other request gets them. Bookings
 * get other units; if there are too few, the drain is refused. Draining a drained unit again replaces its reason and
 * author if the reason is new, but not the time of the first drain.
 */
export function drain(
  pool: Pool,
  { units: ids, reason }: Operation<'drain'>,
  context: Context,
): Done<Answers['drain']> {
  const { actor, now } = context
  const refusal = unknownIn(pool, ids)
  if (refusal !== null) return { pool, answer: refusal }
  const drained = (unit: Unit): Unit => {
    const before = unit.drain
    if (before !== undefined && (reason === undefined || reason === before.reason)) return unit
    const since = before?.since ?? now.wall
    return { ...unit, drain: { since, by: actor, ...(reason === undefined ? {} : { reason }) } }
  }
  const held = pool.reservations.flatMap((each) =>
    unitsOf(each)
      .filter((id) => ids.includes(id))
      .map((id) => heldBy(each, id)),
  )
  const { pool: after, changed } = changedUnits(pool, ids, drained)
  const placed = withoutBroken(pool, after, now.wall)
  if (isRefusal(placed)) return { pool, answer: placed }
  return { pool: placed, ...auditedUnits('drain', { changed, reason }, context), answer: { changed, held } }
}

/** Returns units to service. */
export function restore(
  pool: Pool,
  { units: ids, reason }: Operation<'restore'>,
  context: Context,
): Done<Answers['restore']> {
  const refusal = unknownIn(pool, ids)
  if (refusal !== null) return { pool, answer: refusal }
  const restored = (unit: Unit): Unit => {
    if (unit.drain === undefined) return unit
    const { drain: _, ...rest } = unit
    return rest
  }
  const { pool: after, changed } = changedUnits(pool, ids, restored)
  return { pool: after, ...auditedUnits('restore', { changed, reason }, context), answer: changed }
}

function auditedUnits(
  kind: 'drain' | 'restore',
  { changed, reason }: { readonly changed: readonly UnitId[]; readonly reason: string | undefined },
  context: Context,
): Pick<Done<never>, 'audit'> {
  if (changed.length === 0) return {}
  const change = { kind, units: changed, ...(reason === undefined ? {} : { reason }) }
  return { audit: [audited(change, context)] }
}

function unknownIn(pool: Pool, ids: readonly UnitId[]): Refusal | null {
  const unknown = ids.filter((id) => !hasUnit(pool, id))
  return unknown.length === 0 ? null : { refused: { code: 'no-such-unit', units: unknown } }
}

/** Returns the same pool if no unit changed. */
function changedUnits(pool: Pool, ids: readonly UnitId[], change: (unit: Unit) => Unit) {
  const units = pool.units.map((unit) => (ids.includes(unit.id) ? change(unit) : unit))
  const changed = units.filter((unit, at) => unit !== pool.units[at]).map(({ id }) => id)
  return { pool: changed.length === 0 ? pool : { ...pool, units }, changed }
}
