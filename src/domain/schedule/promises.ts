import type { Millis, Pool, UnitId } from '../pool/model.ts'
import { arranged } from './arrangement.ts'
import { expectedStarts, type Outlook, plannedHolds } from './expected-starts.ts'
import { NEVER } from './term-times.ts'

/** `booked`: there are not enough units for all bookings. `waiting`: a waiter would start later. */
export type Promises =
  | { readonly kind: 'kept'; readonly pool: Pool }
  | { readonly kind: 'booked' }
  | { readonly kind: 'waiting' }

type Known = Pick<Outlook, 'now' | 'stopped'>

type KnownUnits = Known & { readonly unusable?: ReadonlySet<UnitId> }

/**
 * The pool `after` with units for all its bookings, unless it breaks a promise of the pool `before`. A new booking gets
 * no unit that is `unusable`.
 */
export const withPromisesKept = (before: Pool, after: Pool, known: KnownUnits): Promises =>
  promisesOf(before, known)(after)

/** The same for several pools `after`: the expectations of `before` are computed once. */
export function promisesOf(before: Pool, known: KnownUnits): (after: Pool) => Promises {
  const expected = plannedHolds(before, known)
  return (after) => {
    const pool = arranged(after, { ...known, before, expected })
    if (pool === null) return { kind: 'booked' }
    return keepsPromises(before, pool, known) ? { kind: 'kept', pool } : { kind: 'waiting' }
  }
}

/**
 * Whether every waiter is expected to start no later in `after` than in `before`, both if reservations without a known
 * end never end and if they end now.
 */
export function keepsPromises(before: Pool, after: Pool, known: Known): boolean {
  if (before.queue.length === 0) return true
  return (['never', 'now'] as const).every((unknownEnds) => {
    const promised = startsIn(before, { ...known, unknownEnds })
    const kept = startsIn(after, { ...known, unknownEnds })
    return [...promised].every(([id, start]) => (kept.get(id) ?? NEVER) <= start)
  })
}

/** The expected starts of all waiters, by their ids. */
function startsIn(pool: Pool, outlook: Outlook): ReadonlyMap<string, Millis> {
  const starts = new Map<string, Millis>()
  for (const [id, start] of expectedStarts(pool, outlook)) {
    starts.set(id, start.kind === 'at' ? start.at : NEVER)
  }
  return starts
}
