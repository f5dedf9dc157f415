import { limitedAs, limitFor, MOST_ENTRIES_PER_ACCOUNT } from '../policy/limits.ts'
import type { Millis, Pool, QueueEntry, Request, Reservation, Term, Unit, UnitId } from '../pool/model.ts'
import { hasRequirements, isSuitable, requirementsOf } from '../pool/suitable.ts'
import { wholeUnits } from '../pool/units.ts'
import type { Conditions, ObservedConditions } from '../schedule/conditions.ts'
import { demandOf, sizeOf } from '../schedule/demand.ts'
import { expectedStarts } from '../schedule/expected-starts.ts'
import { openingsFor, withRoomForFirst } from '../schedule/startable.ts'
import { NEVER } from '../schedule/term-times.ts'
import { forgetUnstartable } from '../schedule/unresponsive.ts'
import {
  demandIn,
  graceOf,
  type Intent,
  leastHold,
  type RequestedTerm,
  subjectOf,
  type Ticket,
  typedHold,
} from './intent.ts'
import type { BookedUp, Missing, Model, OverLimit, Refusal, Shortage } from './refusal.ts'
import { shortageOf } from './shortage.ts'

export type Acquisition =
  | { readonly kind: 'granted'; readonly reservation: Reservation }
  | { readonly kind: 'refused'; readonly shortage: Shortage | BookedUp }

export interface Acquired {
  readonly pool: Pool
  readonly result: Acquisition
}

/**
 * Grants all requested units, or none: then it returns the given pool. A grant never delays an earlier queue entry; a
 * request without an entry comes after the whole queue. A grant removes its own entry from the queue.
 */
export function acquire(pool: Pool, intent: Intent, conditions: ObservedConditions): Acquired {
  const demand = demandIn(intent, pool)
  const placed = withRoomForFirst(pool, conditions, { id: intent.id, demand })
  const openings = openingsFor(placed, intent.id, conditions)
  const units = openings.choices(demand).slice(0, sizeOf(intent.request))
  if (units.length < sizeOf(intent.request)) {
    return { pool, result: { kind: 'refused', shortage: shortageOf(pool, intent, conditions, openings) } }
  }
  const reservation = reservationOf(intent, units, {
    now: conditions.now,
    end: openings.holdEnd(units, demand),
  })
  const after = {
    ...placed,
    reservations: [...pool.reservations, reservation],
    queue: pool.queue.filter((entry) => entry.id !== intent.id),
  }
  // These units are taken, so waiters that could have used them get a fresh grace period.
  const { now, stopped } = conditions
  return { pool: forgetUnstartable(after, { now, stopped }), result: { kind: 'granted', reservation } }
}

/** Whether reservations and queue allow a grant now. If not, the caller need not probe the driver. */
export function canStart(pool: Pool, intent: Intent, conditions: Conditions): boolean {
  const entry = pool.queue.find(({ id }) => id === intent.id)
  const demand = entry === undefined ? demandIn(intent, pool) : demandOf(entry, pool.policy)
  const placed = withRoomForFirst(pool, conditions, { id: intent.id, demand })
  return openingsFor(placed, intent.id, conditions).fits(demand)
}

/** Limits the time to plan the queue, which grows with the square of its length. */
export const MOST_ENTRIES = 4_096

/**
 * Adds the intent to the end of the queue, unless it is in the queue already; or returns why it may not wait. Its term
 * is the typed one: the pool's defaults may change while it waits.
 */
export function addToQueue(pool: Pool, intent: Intent, ticket: Ticket, known: Known): Pool | Refusal {
  if (pool.queue.some((entry) => entry.id === intent.id)) return withGroups(pool, intent)
  const { id, owner, request, note, term, groups } = intent
  const { now } = known
  const limit = reachedLimit(pool, intent, known)
  if (limit !== null) return { refused: limit }
  const [duration, least] = [typedHold(term), leastHold(term)]
  const entry: QueueEntry = {
    id,
    owner,
    request,
    term: {
      kind: term.kind,
      ...(duration === undefined ? {} : { duration }),
      ...(least === undefined ? {} : { least }),
    },
    process: ticket.process,
    joinedAt: now,
    heartbeatAt: now,
    ...(ticket.waitFor === undefined ? {} : { waitUntil: now + ticket.waitFor }),
    ...(groups === undefined ? {} : { groups }),
    ...(note === undefined ? {} : { note }),
  }
  return { ...pool, queue: [...pool.queue, entry] }
}

/** An entry of an earlier version has no groups. */
function withGroups(pool: Pool, { id, groups }: Intent): Pool {
  const isChanged = (entry: QueueEntry) => entry.id === id && !isSame(entry.groups, groups)
  if (!pool.queue.some(isChanged)) return pool
  const queue = pool.queue.map((entry) => {
    if (!isChanged(entry)) return entry
    const { groups: _, ...others } = entry
    return groups === undefined ? others : { ...others, groups }
  })
  return { ...pool, queue }
}

const isSame = (a: readonly number[] = [], b: readonly number[] = []): boolean =>
  a.length === b.length && a.every((gid, at) => gid === b[at])

type Known = Pick<Conditions, 'now' | 'stopped'>

function reachedLimit(pool: Pool, intent: Intent, known: Known): OverLimit | null {
  const { queue, policy } = pool
  const account = limitedAs(intent.owner.account)
  const own = queue.filter(({ owner }) => limitedAs(owner.account) === account)
  const { value: most = MOST_ENTRIES_PER_ACCOUNT, scope } =
    limitFor(policy, 'max-waiting', subjectOf(intent)) ?? {}
  if (own.length >= most) {
    const frees = firstLeaving(pool, own, known)
    return {
      ...{ code: 'over-limit', limit: 'account', waiting: own.length, most },
      ...(scope === undefined ? {} : { scope }),
      ...(frees === undefined || own.length > most ? {} : { frees: { at: frees, now: known.now } }),
    }
  }
  if (queue.length < MOST_ENTRIES) return null
  return { code: 'over-limit', limit: 'queue', waiting: queue.length, most: MOST_ENTRIES }
}

/** When the first of these entries is expected to start, or gives up; undefined if that is not known. */
function firstLeaving(pool: Pool, entries: readonly QueueEntry[], known: Known): Millis | undefined {
  const starts = expectedStarts(pool, known)
  const times = entries.flatMap(({ id, waitUntil }) => {
    const start = starts.get(id)
    return [...(start?.kind === 'at' ? [start.at] : []), ...(waitUntil === undefined ? [] : [waitUntil])]
  })
  return times.length === 0 ? undefined : Math.min(...times)
}

export function removeFromQueue(pool: Pool, id: string): Pool {
  const queue = pool.queue.filter((entry) => entry.id !== id)
  return queue.length === pool.queue.length ? pool : { ...pool, queue }
}

/** Whether this pool can ever grant the request. */
export function isPossible(request: Request, { units }: Pick<Pool, 'units'>): boolean {
  if (request.kind === 'count') {
    if (!hasRequirements(request)) return request.count <= units.length
    return request.count <= units.filter((unit) => isSuitable(unit, request)).length
  }
  return request.ids.every((id) => units.some((unit) => unit.id === id))
}

/** The refusal of a request that this pool can never grant; null if it can. */
export function impossibleIn(pool: Pick<Pool, 'units'>, request: Request): Refusal | null {
  if (isPossible(request, pool)) return null
  const managed = pool.units.map(({ id }) => id)
  return { refused: { code: 'impossible', missing: missingIn(pool, request), managed } }
}

function missingIn({ units }: Pick<Pool, 'units'>, request: Request): Missing {
  if (request.kind === 'ids') {
    return { kind: 'ids', ids: request.ids.filter((id) => !units.some((unit) => unit.id === id)) }
  }
  const { count } = request
  if (count > units.length || !hasRequirements(request)) return { kind: 'count', count }
  return {
    ...{ kind: 'suitable', count, requirements: requirementsOf(request), models: modelsOf(units) },
    suitable: units.filter((unit) => isSuitable(unit, request)).length,
  }
}

/** The models of a pool, in the order of their first units. */
function modelsOf(units: readonly Unit[]): readonly Model[] {
  const groups = Map.groupBy(units, ({ device, memoryMb }) => JSON.stringify([device.name, memoryMb]))
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const { device, memoryMb } = first
    return [{ name: device.name, count: group.length, ...(memoryMb === undefined ? {} : { memoryMb }) }]
  })
}

/** The time of a grant, and the latest end of its hold. */
interface Hold {
  readonly now: Millis
  readonly end: Millis
}

function reservationOf(intent: Intent, units: readonly UnitId[], hold: Hold): Reservation {
  const { id, owner, note, term } = intent
  const { now } = hold
  return {
    id,
    owner,
    holdings: wholeUnits(units),
    startedAt: now,
    ...(note === undefined ? {} : { note }),
    term: grantedTerm(term, hold),
  }
}

function grantedTerm(term: RequestedTerm, { now, end }: Hold): Term {
  switch (term.kind) {
    case 'run': {
      const { kind, process, command } = term
      const run = { kind, process, heartbeatAt: now, command }
      return end === NEVER ? run : { ...run, limit: { interruptAt: end - graceOf(term), killAt: end } }
    }
    case 'manual':
      return { kind: term.kind, expiresAt: now + term.duration }
  }
}
