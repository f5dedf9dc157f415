import { shownName } from '../ledger/shown-names.ts'
import { availabilityOf, reservedUnits } from '../observation/allocation.ts'
import { usersOf } from '../observation/evidence.ts'
import { replacedIn, type UnitFault, type UnitUse } from '../observation/readings.ts'
import { unitsHeld } from '../policy/account-use.ts'
import { limitFor } from '../policy/limits.ts'
import { type Booked, nextBookings } from '../pool/bookings.ts'
import type { Millis, Pool, Reservation, Unit, UnitId } from '../pool/model.ts'
import { owns } from '../pool/rights.ts'
import { hasRequirements, isSuitable, requirementsOf, wantedUnits } from '../pool/suitable.ts'
import { unitsOf } from '../pool/units.ts'
import type { ObservedConditions } from '../schedule/conditions.ts'
import { sizeOf } from '../schedule/demand.ts'
import type { Openings } from '../schedule/openings.ts'
import { openingsFor } from '../schedule/startable.ts'
import { knownEnd, NEVER } from '../schedule/term-times.ts'
import { demandIn, graceOf, type Intent, subjectOf } from './intent.ts'
import type { BookedUp, Busy, Draining, Held, Refusal, Shortage } from './refusal.ts'

export function shortageOf(
  pool: Pool,
  intent: Intent,
  conditions: ObservedConditions,
  openings: Openings,
): Shortage | BookedUp {
  const { evidence, now } = conditions
  const { request } = intent
  const booked = pool.bookings === undefined ? [] : bookedInTheWay(pool, intent, conditions)
  if (booked.length > 0 && isOnlyBooked(pool, intent, conditions)) {
    const longest = openings.longestFor(request)
    return {
      ...{ code: 'booked', now, booked, term: intent.term.kind, requested: sizeOf(request) },
      available: openings.choices(demandIn(intent, pool)).length,
      ...(longest > 0 ? { longest } : {}),
      ...(intent.term.kind === 'run' ? { grace: graceOf(intent.term) } : {}),
    }
  }
  // A request for exact GPUs is refused with the state of the whole pool.
  const suitable =
    request.kind === 'count' ? pool.units.filter((unit) => isSuitable(unit, request)) : pool.units
  const isRelevant = new Set(suitable.map(({ id }) => id))
  const availability = [...availabilityOf(pool, evidence)].filter(([unit]) => isRelevant.has(unit))
  const usable = openings.choices(demandIn(intent, pool))
  const place = pool.queue.findIndex((entry) => entry.id === intent.id)
  const draining = drainingIn(suitable)
  const isDraining = new Set(draining.map(({ unit }) => unit))
  return {
    code: 'short',
    requested: sizeOf(request),
    available: usable.length,
    ...(request.kind === 'count' && hasRequirements(request)
      ? { requirements: requirementsOf(request) }
      : {}),
    taken: request.kind === 'ids' ? request.ids.filter((id) => !usable.includes(id)) : [],
    ahead: place < 0 ? pool.queue.length : place,
    now,
    busy: busyUnits(pool, intent),
    occupied: availability.flatMap(([unit, is]) =>
      is === 'occupied' ? [{ unit, users: usersIn(evidence.readings.get(unit)?.use) }] : [],
    ),
    booked,
    draining,
    faulty: availability.flatMap(([unit, is]) =>
      is === 'faulty' ? [{ unit, fault: faultIn(evidence.readings.get(unit)?.use) }] : [],
    ),
    replaced: replacedIn(evidence.readings).filter((unit) => isRelevant.has(unit) && !isDraining.has(unit)),
  }
}

function bookedInTheWay(pool: Pool, intent: Intent, conditions: ObservedConditions): readonly Booked[] {
  const availability = availabilityOf(pool, conditions.evidence)
  return bookedTooSoon(pool, intent, conditions.now).filter(({ unit }) => availability.get(unit) === 'free')
}

/** The wanted units that a booking needs before the request would give them back. */
function bookedTooSoon(pool: Pool, intent: Intent, now: Millis): readonly Booked[] {
  const until = now + (demandIn(intent, pool).duration ?? NEVER)
  const wanted = new Set(wantedUnits(pool, intent.request))
  return [...nextBookings(pool).values()].filter(({ unit, from }) => wanted.has(unit) && from < until)
}

/** Whether the request could start now if nobody had booked. */
function isOnlyBooked(pool: Pool, intent: Intent, conditions: ObservedConditions): boolean {
  const { bookings: _, ...unbooked } = pool
  return openingsFor(unbooked, intent.id, conditions).fits(demandIn(intent, pool))
}

export const drainingIn = (units: readonly Unit[]): readonly Draining[] =>
  units.flatMap(({ id, drain }) => (drain === undefined ? [] : [{ unit: id, drain }]))

/** The refusal of a wait that reached its time limit, with the holders, bookings and reached limit at that time. */
export function timedOut(pool: Pool, intent: Intent, now: Millis): Refusal {
  // The entry has the groups of the account.
  const asking = pool.queue.find(({ id }) => id === intent.id) ?? intent
  const limit = limitFor(pool.policy, 'max-gpus', subjectOf(asking))
  const used = unitsHeld(pool, intent.owner.account, now)
  const isOver = limit !== undefined && used + sizeOf(intent.request) > limit.value
  const over = isOver ? { over: { scope: limit.scope, used, most: limit.value } } : {}
  const reserved = reservedUnits(pool)
  const booked = bookedTooSoon(pool, intent, now).filter(({ unit }) => !reserved.has(unit))
  const soon = booked.length === 0 ? {} : { booked }
  return { refused: { code: 'timed-out', now, busy: busyUnits(pool, intent), ...soon, ...over } }
}

export function busyUnits(
  pool: Pool,
  { request, owner }: Pick<Intent, 'request' | 'owner'>,
): readonly Busy[] {
  const wanted = new Set(wantedUnits(pool, request))
  return pool.reservations.flatMap((held) => {
    const own = owns(owner.account, held.owner.account) && held.owner.shownName === owner.shownName
    return unitsOf(held)
      .filter((unit) => wanted.has(unit))
      .map((unit) => ({ ...heldBy(held, unit), own }))
  })
}

/** The holder of a unit, and the known end. */
export function heldBy(held: Reservation, unit: UnitId): Held {
  const end = knownEnd(held)
  return { unit, owner: shownName(held), ...(end === NEVER ? {} : { until: end }) }
}

export const usersIn = (use: UnitUse | undefined): readonly string[] =>
  use?.kind === 'measured' ? usersOf(use) : []

export const faultIn = (use: UnitUse | undefined): UnitFault =>
  use?.kind === 'fault' ? use : { kind: 'fault', code: 'unanswered', reason: 'not checked' }
