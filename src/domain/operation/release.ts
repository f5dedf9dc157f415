import type { Account, Millis, Pool, UnitId, UsageRecord } from '../pool/model.ts'
import { isAdministrator, owns } from '../pool/rights.ts'
import { compareUnits, hasUnit, unitsOf } from '../pool/units.ts'
import { type Ended, endWhere, releaseUnits } from './ending.ts'
import type { Context, Done, Operation } from './operation.ts'
import type { Refusal } from './refusal.ts'
import { heldBy } from './shortage.ts'

/**
 * Without units: ends the actor's manual reservations and bookings that have begun. With units: releases those that the actor holds, manually or by
 * a run. The administrator may release the units of any account.
 */
export function release(
  pool: Pool,
  { units }: Operation<'release'>,
  { actor, now }: Context,
): Done<readonly UnitId[]> {
  if (units === undefined) return released(manualEnded(pool, actor, now.wall))
  const refusal = refusalFor(pool, units, { actor, now: now.wall })
  if (refusal !== null) return { pool, answer: refusal }
  return released(releaseUnits(pool, units, now.wall, actor))
}

const manualEnded = (pool: Pool, actor: Account, at: number): Ended =>
  endWhere(pool, (held) =>
    (held.term.kind === 'manual' || held.term.kind === 'booking') && owns(actor, held.owner.account)
      ? { outcome: 'released', at }
      : null,
  )

const released = ({ pool, ended }: Ended): Done<readonly UnitId[]> => ({
  pool,
  records: ended,
  answer: unitsIn(ended),
})

const unitsIn = (records: readonly UsageRecord[]): readonly UnitId[] =>
  records.map(({ unit }) => unit).toSorted(compareUnits)

interface Releasing {
  readonly actor: Account
  readonly now: Millis
}

function refusalFor(pool: Pool, units: readonly UnitId[], { actor, now }: Releasing): Refusal | null {
  const unknown = units.filter((unit) => !hasUnit(pool, unit))
  if (unknown.length > 0) return { refused: { code: 'no-such-unit', units: unknown } }
  if (isAdministrator(actor)) return null
  for (const held of pool.reservations) {
    if (owns(actor, held.owner.account)) continue
    const unit = unitsOf(held).find((each) => units.includes(each))
    if (unit !== undefined)
      return { refused: { code: 'not-yours', requested: units, now, ...heldBy(held, unit) } }
  }
  return null
}
