import { bookingsOf } from '../pool/bookings.ts'
import type { Millis, Pool, QueueEntry, Request, Scope, UnitId } from '../pool/model.ts'
import { wantedUnits } from '../pool/suitable.ts'
import { Calendar } from './calendar.ts'
import { type Conditions, calendarOf } from './conditions.ts'
import { type Demand, demandOf } from './demand.ts'
import { Openings } from './openings.ts'
import { withRoomFor } from './room.ts'

/**
 * A waiter that can start for this long but does not ask for its units is passed over. It may be frozen, or stopped
 * where the kernel does not show it. A waiter that is known to be stopped is passed over at once, until it continues.
 */
export const PASSED_OVER_AFTER_MS: Millis = 10_000

/** The openings that remain after the waiters before the given entry; without an entry, after the whole queue. */
export function openingsFor(pool: Pool, id: string, conditions: Conditions): Openings {
  const openings = new Openings(calendarOf(pool, conditions), pool.policy)
  for (const entry of pool.queue) {
    if (entry.id === id || openings.areEmpty) break
    if (isWaitedFor(entry, conditions)) openings.plan(demandOf(entry, pool.policy))
  }
  return openings
}

/** The entries that can start now, in the order of the queue; with `before`, only those before that entry. */
export function startableEntries(
  given: Pool,
  conditions: Conditions,
  before?: string,
): readonly QueueEntry[] {
  const startable: QueueEntry[] = []
  if (given.queue.length === 0) return startable
  const pool = withRoomForFirst(given, conditions)
  const openings = new Openings(calendarOf(pool, conditions), pool.policy)
  for (const entry of pool.queue) {
    if (entry.id === before || openings.areEmpty) break
    const demand = demandOf(entry, pool.policy)
    if (isWaitedFor(entry, conditions) ? openings.plan(demand) !== null : openings.fits(demand)) {
      startable.push(entry)
    }
  }
  return startable
}

/** The request that is decided: that of an entry, or of a newcomer, which comes after the whole queue. */
interface Asking {
  readonly id: string
  readonly demand: Demand
}

/**
 * The pool with bookings on other units, if only then the first request can start. Requests behind it get no room: they
 * would start before it.
 */
export function withRoomForFirst(pool: Pool, conditions: Conditions, asking?: Asking): Pool {
  if (bookingsOf(pool).length === 0) return pool
  const calendar = calendarOf(pool, conditions)
  const openings = new Openings(calendar, pool.policy)
  for (const entry of pool.queue) {
    if (entry.id === asking?.id) break
    const demand = demandOf(entry, pool.policy)
    const counts = isWaitedFor(entry, conditions) && calendar.canEverStart(demand) && openings.allows(demand)
    if (counts) return withRoomFor(pool, demand, conditions)
  }
  return asking === undefined ? pool : withRoomFor(pool, asking.demand, conditions)
}

/** Whether later requests must wait for this entry. */
export const isWaitedFor = (entry: QueueEntry, { now, stopped }: Conditions): boolean =>
  !isPassedOver(entry, now) && !stopped(entry.process)

export const isPassedOver = (entry: QueueEntry, now: Millis): boolean =>
  entry.startableSince !== undefined && now - entry.startableSince >= PASSED_OVER_AFTER_MS

/**
 * `short`: the entry could not start even if it were alone in the queue. `behind`: the entry at `place`, counted from
 * 0, is before it. `over-limit`: its account holds `used` units, and may hold `most`.
 */
export type Standing =
  | { readonly kind: 'next' }
  | { readonly kind: 'behind'; readonly place: number }
  | { readonly kind: 'short' }
  | ({ readonly kind: 'over-limit' } & ReachedLimit)

/** The account has `used` units, and may have `most`. */
export interface ReachedLimit {
  readonly used: number
  readonly most: number
  /** Where the limit comes from. */
  readonly scope: Scope
}

/** The standing of each entry, by its id. */
export function standings(pool: Pool, conditions: Conditions): ReadonlyMap<string, Standing> {
  const startable = new Set(startableEntries(pool, conditions).map(({ id }) => id))
  const calendar = calendarOf(pool, conditions)
  const empty = new Openings(calendar, pool.policy)
  const wanted = new Map(pool.queue.map(({ request }) => [request, new Set(wantedUnits(pool, request))]))
  const shareUnits = (a: Request, b: Request) =>
    wanted.get(a)?.isDisjointFrom(wanted.get(b) ?? NONE) === false
  const limits = limitsReached(pool, conditions.now)
  const standingOf = (entry: QueueEntry, place: number): Standing => {
    if (startable.has(entry.id)) return { kind: 'next' }
    const limit = limits.get(entry.id)
    if (limit !== undefined) return { kind: 'over-limit', ...limit }
    if (!empty.fits(demandOf(entry, pool.policy))) return { kind: 'short' }
    const last = pool.queue.findLastIndex(
      (other, at) =>
        at < place &&
        shareUnits(other.request, entry.request) &&
        isWaitedFor(other, conditions) &&
        !limits.has(other.id) &&
        calendar.canEverStart(demandOf(other, pool.policy)),
    )
    return { kind: 'behind', place: last < 0 ? place - 1 : last }
  }
  return new Map(pool.queue.map((entry, place) => [entry.id, standingOf(entry, place)]))
}

const NONE: ReadonlySet<UnitId> = new Set()

/** The limits that keep entries from starting, by their ids. */
export function limitsReached(pool: Pool, now: Millis): ReadonlyMap<string, ReachedLimit> {
  const reached = new Map<string, ReachedLimit>()
  if (pool.policy.limits === undefined) return reached
  const openings = new Openings(new Calendar(pool, now), pool.policy)
  for (const entry of pool.queue) {
    const demand = demandOf(entry, pool.policy)
    const { cap } = demand
    if (cap === undefined || openings.allows(demand)) continue
    reached.set(entry.id, { used: openings.peakFor(demand).units, most: cap.most, scope: cap.scope })
  }
  return reached
}
