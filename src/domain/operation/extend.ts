import { limitFor } from '../policy/limits.ts'
import type { Account, ManualReservation, Millis, Pool, UnitId } from '../pool/model.ts'
import { owns } from '../pool/rights.ts'
import { unitsOf } from '../pool/units.ts'
import { keepsPromises } from '../schedule/expected-starts.ts'
import { drainingIn, impossibleIn } from './acquisition.ts'
import type { Context, Done, Operation } from './operation.ts'

/** The farthest end from now. A date must remain one, however often a reservation is extended. */
const LONGEST_HOLD: Millis = 1_000 * 366 * 86_400_000

/**
 * Moves the ends of the actor's manual reservations, unless that delays a waiter, exceeds the longest duration, or
 * prolongs the use of a drained unit.
 */
export function extend(
  pool: Pool,
  { by, units }: Operation<'extend'>,
  { actor, now, processes, groups = [] }: Context,
): Done<readonly ManualReservation[]> {
  const impossible = units === undefined ? null : impossibleIn(pool, { kind: 'ids', ids: units })
  if (impossible !== null) return { pool, answer: impossible }
  const own = ownManual(pool, actor, units)
  if (own.length === 0) {
    return {
      pool,
      answer: { refused: { code: 'nothing-to-extend', ...(units === undefined ? {} : { units }) } },
    }
  }
  const kept = new Set(own.flatMap(unitsOf))
  const draining = drainingIn(pool.units.filter(({ id }) => kept.has(id)))
  if (draining.length > 0) return { pool, answer: { refused: { code: 'draining', draining } } }
  const extended = own.map((held) => extendedBy(held, by, now.wall + LONGEST_HOLD))
  const limit = limitFor(pool.policy, 'max-duration', { account: actor, groups })
  const [lasts, asked] = [longest(own), longest(extended)]
  if (limit !== undefined && asked > limit.value) {
    const { scope, value: most } = limit
    return { pool, answer: { refused: { code: 'over-limit', limit: 'duration', scope, asked, most, lasts } } }
  }
  const byId = new Map(extended.map((held) => [held.id, held]))
  const reservations = pool.reservations.map((held) => byId.get(held.id) ?? held)
  const after: Pool = { ...pool, reservations }
  return keepsPromises(pool, after, { now: now.wall, stopped: processes.stopped })
    ? { pool: after, answer: extended }
    : { pool, answer: { refused: { code: 'promised' } } }
}

const longest = (reservations: readonly ManualReservation[]): Millis =>
  Math.max(...reservations.map(({ startedAt, term }) => term.expiresAt - startedAt))

function ownManual(
  pool: Pool,
  actor: Account,
  units: readonly UnitId[] | undefined,
): readonly ManualReservation[] {
  return pool.reservations.flatMap((held) => {
    const { term } = held
    const matches = units === undefined || unitsOf(held).some((unit) => units.includes(unit))
    return term.kind === 'manual' && matches && owns(actor, held.owner.account) ? [{ ...held, term }] : []
  })
}

function extendedBy(held: ManualReservation, by: Millis, latest: Millis): ManualReservation {
  const { term } = held
  const expiresAt = Math.max(term.expiresAt, Math.min(term.expiresAt + by, latest))
  return { ...held, term: { ...term, expiresAt } }
}
