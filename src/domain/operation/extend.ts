import { limitedAs, limitFor } from '../policy/limits.ts'
import { type Booked, bookedUnits, bookingsOf } from '../pool/bookings.ts'
import type { Account, Millis, Pool, UnitId } from '../pool/model.ts'
import { owns } from '../pool/rights.ts'
import { unitsOf } from '../pool/units.ts'
import { ownBookings, peakOf, usesOf } from '../schedule/peak-use.ts'
import { withPromisesKept } from '../schedule/promises.ts'
import { knownEnd } from '../schedule/term-times.ts'
import { impossibleIn } from './acquisition.ts'
import type { Context, Done, ExtendedReservation, Operation } from './operation.ts'
import type { OverLimit } from './refusal.ts'
import { drainingIn } from './shortage.ts'

/** The farthest end from now. A date must remain one, however often a reservation is extended. */
const LONGEST_HOLD: Millis = 1_000 * 366 * 86_400_000

/**
 * Moves the ends of the actor's manual reservations and bookings that have begun, unless that delays a waiter, takes
 * units from a booking, exceeds a limit of the account, or prolongs the use of a drained unit.
 */
export function extend(
  pool: Pool,
  { by, units }: Operation<'extend'>,
  { actor, now, processes, groups = [] }: Context,
): Done<readonly ExtendedReservation[]> {
  const impossible = units === undefined ? null : impossibleIn(pool, { kind: 'ids', ids: units })
  if (impossible !== null) return { pool, answer: impossible }
  const own = ownExtendable(pool, actor, units)
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
  const beyond = gpuLimitExceeded(after, extended, { actor, groups, now: now.wall })
  if (beyond !== null) return { pool, answer: { refused: beyond } }
  const promises = withPromisesKept(pool, after, { now: now.wall, stopped: processes.stopped })
  switch (promises.kind) {
    case 'kept':
      return { pool: promises.pool, answer: extended }
    case 'booked':
      return {
        pool,
        answer: { refused: { code: 'booked', now: now.wall, booked: neededFrom(pool, extended) } },
      }
    case 'waiting':
      return { pool, answer: { refused: { code: 'promised' } } }
  }
}

const longest = (reservations: readonly ExtendedReservation[]): Millis =>
  Math.max(...reservations.map((held) => knownEnd(held) - held.startedAt))

/** The bookings of these units that begin before the new ends. */
const neededFrom = (pool: Pool, extended: readonly ExtendedReservation[]): readonly Booked[] =>
  bookingsOf(pool).flatMap((booking) =>
    bookedUnits(booking).filter(({ unit, from }) =>
      extended.some((held) => unitsOf(held).includes(unit) && from < knownEnd(held)),
    ),
  )

/** With its bookings, the account would hold too many units at a later time. */
function gpuLimitExceeded(
  after: Pool,
  extended: readonly ExtendedReservation[],
  {
    actor,
    groups,
    now,
  }: { readonly actor: Account; readonly groups: readonly number[]; readonly now: Millis },
): OverLimit | null {
  const limit = limitFor(after.policy, 'max-gpus', { account: actor, groups })
  if (limit === undefined || bookingsOf(after).length === 0) return null
  const until = Math.max(...extended.map(knownEnd))
  const { units, at } = peakOf(usesOf(after, limitedAs(actor), now), now, until)
  if (units <= limit.value || at === now) return null
  const requested = extended.filter((held) => knownEnd(held) > at).flatMap(unitsOf).length
  const { scope, value: most } = limit
  return {
    ...{ code: 'over-limit', limit: 'gpus', scope, requested, used: units - requested, most, at },
    ...ownBookings(after, limitedAs(actor), at),
  }
}

function ownExtendable(
  pool: Pool,
  actor: Account,
  units: readonly UnitId[] | undefined,
): readonly ExtendedReservation[] {
  return pool.reservations.flatMap((held) => {
    const { term } = held
    const matches = units === undefined || unitsOf(held).some((unit) => units.includes(unit))
    if (!matches || !owns(actor, held.owner.account)) return []
    return term.kind === 'manual' || term.kind === 'booking' ? [{ ...held, term }] : []
  })
}

function extendedBy(held: ExtendedReservation, by: Millis, latest: Millis): ExtendedReservation {
  const { term } = held
  const before = knownEnd(held)
  const end = Math.max(before, Math.min(before + by, latest))
  return { ...held, term: term.kind === 'manual' ? { ...term, expiresAt: end } : { ...term, until: end } }
}
