import { type Evidence, unreservedAvailability } from '../observation/allocation.ts'
import type { Millis, Pool, QueueEntry, Request, Unit, UnitId } from '../pool/model.ts'
import type { StoppedCheck } from '../pool/process-check.ts'
import { wantedUnits } from '../pool/suitable.ts'
import { Calendar, type Usability } from './calendar.ts'
import { demandOf } from './demand.ts'
import { Openings } from './openings.ts'

/**
 * A waiter that can start for this long but does not ask for its units is passed over. It may be frozen, or stopped
 * where the kernel does not show it. A waiter that is known to be stopped is passed over at once, until it continues.
 */
export const PASSED_OVER_AFTER_MS: Millis = 10_000

/** A unit that was released more recently than this may still show the memory of its last holder. */
const JUST_RELEASED_MS: Millis = 10_000

/** The inputs of a start decision besides the pool. */
export interface Conditions {
  readonly now: Millis
  readonly stopped: StoppedCheck
  /** The driver's readings; without them every unit without a reservation may be free. */
  readonly evidence?: Evidence
  /** Used if there is no evidence: the units that could not be used at the last probe. */
  readonly unusable?: ReadonlySet<UnitId>
}

/** The conditions of a decision that uses an observation. */
export interface ObservedConditions extends Conditions {
  readonly evidence: Evidence
}

/** The units that the readings show unusable, without those that were released just now. */
export function unusableIn(pool: Pool, conditions: ObservedConditions): ReadonlySet<UnitId> {
  const { usability } = calendarOf(pool, conditions)
  return new Set(pool.units.filter((_, place) => usability[place] === 'unusable').map(({ id }) => id))
}

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
export function startableEntries(pool: Pool, conditions: Conditions, before?: string): readonly QueueEntry[] {
  const startable: QueueEntry[] = []
  if (pool.queue.length === 0) return startable
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
    reached.set(entry.id, { used: openings.usedOf(cap), most: cap.most })
  }
  return reached
}

function calendarOf(pool: Pool, { now, evidence, unusable }: Conditions): Calendar {
  const calendar = new Calendar(pool, now)
  if (evidence !== undefined) {
    let place = 0
    for (const unit of pool.units) {
      const usability = usabilityOf(unit, evidence, { now, isHeld: calendar.isHeld(place) })
      if (usability !== 'usable') calendar.setUsability(place, usability)
      place++
    }
  } else if (unusable !== undefined) {
    for (const id of unusable) calendar.setUsability(calendar.placeOf(id), 'unusable')
  }
  return calendar
}

function usabilityOf(
  unit: Unit,
  evidence: Evidence,
  { now, isHeld }: { readonly now: Millis; readonly isHeld: boolean },
): Usability {
  const use = evidence.readings.get(unit.id)?.use
  if (use?.kind !== 'measured') return 'unusable'
  if (isHeld || unreservedAvailability(use, evidence) === 'free') return 'usable'
  return isJustReleased(unit, now) ? 'unclear' : 'unusable'
}

export const isJustReleased = ({ lastUse }: Unit, now: Millis): boolean =>
  lastUse !== undefined && now - lastUse.endedAt < JUST_RELEASED_MS
