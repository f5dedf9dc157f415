import type { Obstacle } from '../observation/obstacles.ts'
import { limitedAs } from '../policy/limits.ts'
import type { Millis, Policy, Pool, QueueEntry, Reservation, UnitId } from '../pool/model.ts'
import type { StoppedCheck } from '../pool/process-check.ts'
import type { PlannedHold } from './arrangement.ts'
import { blockersOf } from './blockers.ts'
import { Calendar } from './calendar.ts'
import { isJustReleased } from './conditions.ts'
import { type Demand, demandOf } from './demand.ts'
import { Openings } from './openings.ts'
import { isWaitedFor, withRoomForFirst } from './startable.ts'
import { NEVER } from './term-times.ts'

/** The expected start of a waiting request, by what is known now. */
export type ExpectedStart =
  /** `after`: the reservation that ends then. */
  | { readonly kind: 'at'; readonly at: Millis; readonly after?: Reservation }
  /** It waits for a reservation without a known end, or for a unit that cannot be used. */
  | { readonly kind: 'unknown'; readonly after?: Reservation; readonly obstacle?: Obstacle }
  /** Its process is stopped. */
  | { readonly kind: 'stopped' }

/** The inputs of a forecast besides the pool. */
export interface Outlook {
  readonly now: Millis
  readonly stopped: StoppedCheck
  /** Units that cannot be used for an unknown time. */
  readonly obstacles?: readonly Obstacle[]
  /** The assumed end of reservations without a known end; absent: never. */
  readonly unknownEnds?: 'never' | 'now'
  /** The only entry of interest; others may be missing in the answer. */
  readonly only?: string
}

interface Waiting {
  readonly entry: QueueEntry
  readonly demand: Demand
  readonly isWaitedFor: boolean
}

/**
 * Simulates the queue by the rule for grants. At every known end, the requests that can start do start, and hold their
 * units for their declared duration or without end. A reservation that ends early only makes starts earlier.
 */
export function expectedStarts(pool: Pool, outlook: Outlook): ReadonlyMap<string, ExpectedStart> {
  return forecast(pool, outlook).starts
}

/** What the waiters are expected to hold. */
export const plannedHolds = (pool: Pool, outlook: Outlook): readonly PlannedHold[] =>
  pool.queue.length === 0 ? [] : forecast(pool, outlook).holds

function forecast(given: Pool, outlook: Outlook): Pick<Plan, 'starts' | 'holds'> {
  const holds: PlannedHold[] = []
  const unusable = new Set(outlook.obstacles?.map(({ unit }) => unit))
  const pool = withRoomForFirst(given, { ...outlook, unusable })
  const starts = new Map<string, ExpectedStart>()
  const waiting: Waiting[] = []
  for (const entry of pool.queue) {
    if (outlook.stopped(entry.process)) starts.set(entry.id, { kind: 'stopped' })
    else
      waiting.push({ entry, demand: demandOf(entry, pool.policy), isWaitedFor: isWaitedFor(entry, outlook) })
  }
  const calendar = calendarOf(pool, outlook)
  for (let time = outlook.now; time < NEVER && waiting.length > 0; time = calendar.nextChange()) {
    if (time > outlook.now) calendar.advance(time)
    startAllThatCan(waiting, { calendar, policy: pool.policy, starts, holds })
    if (outlook.only !== undefined && starts.has(outlook.only)) return { starts, holds }
  }
  const final = new Openings(calendar, pool.policy)
  const limited = waiting.filter(({ demand }) => !final.allows(demand))
  for (const { entry } of limited) starts.set(entry.id, { kind: 'unknown', ...ownHolder(calendar, entry) })
  const others = waiting.filter((each) => !limited.includes(each))
  const requests = others.map(({ demand }) => demand.request)
  for (const [place, blocker] of blockersOf(requests, calendar, outlook.obstacles ?? []).entries()) {
    starts.set(others[place]?.entry.id ?? '', { kind: 'unknown', ...blocker })
  }
  return { starts, holds }
}

/** The last reservation of the entry's account, whose end the limit waits for. */
function ownHolder(calendar: Calendar, { owner }: QueueEntry): { readonly after?: Reservation } {
  const account = limitedAs(owner.account)
  const after = calendar.holders.findLast(
    (holder, place) =>
      holder !== undefined && calendar.isHeld(place) && limitedAs(holder.owner.account) === account,
  )
  return after === undefined ? {} : { after }
}

interface Plan {
  readonly calendar: Calendar
  readonly policy: Policy
  readonly starts: Map<string, ExpectedStart>
  readonly holds: PlannedHold[]
}

/**
 * Starts all requests that can start now, and removes them from `waiting`. A request that is not waited for holds no
 * units in the forecast.
 *
 * After a request that overtakes others, the plan is made again from the front of the queue: the overtaking can move
 * the earliest start of another request, so a third one may now fit before it. A grant is decided in the same way, from
 * the whole queue.
 */
function startAllThatCan(waiting: Waiting[], { calendar, policy, starts, holds }: Plan): void {
  const { now } = calendar
  const ended = lastEnded(calendar, () => true)
  let openings = new Openings(calendar, policy)
  let place = 0
  while (place < waiting.length && !openings.areEmpty) {
    const next = waiting[place]
    if (next === undefined) return
    const units = unitsFor(next, openings)
    if (units === null) {
      place++
      continue
    }
    const own = lastEnded(calendar, (id) => units.includes(id))
    const { holder: after } = own.isFound ? own : ended
    starts.set(next.entry.id, { kind: 'at', at: now, ...(after === undefined ? {} : { after }) })
    waiting.splice(place, 1)
    if (!next.isWaitedFor) continue
    const until = openings.holdEnd(units, next.demand)
    holds.push({ units, from: now, until })
    calendar.hold(units, { ...next.demand, duration: until - now })
    if (place === 0) continue
    openings = new Openings(calendar, policy)
    place = 0
  }
}

function unitsFor({ demand, isWaitedFor }: Waiting, openings: Openings): readonly UnitId[] | null {
  if (isWaitedFor) return openings.plan(demand)
  return openings.fits(demand) ? openings.choices(demand) : null
}

/** The reservation that ends now and held the last of these units; undefined if a planned request held it. */
function lastEnded({ now, units, heldUntil, holders }: Calendar, matches: (unit: UnitId) => boolean) {
  const place = units.findLastIndex(({ id }, at) => heldUntil[at] === now && matches(id))
  return { isFound: place >= 0, holder: holders[place] }
}

function calendarOf(pool: Pool, { now, obstacles = [], unknownEnds }: Outlook): Calendar {
  const calendar = new Calendar(pool, now)
  for (const { unit, kind } of obstacles) {
    const place = calendar.placeOf(unit)
    const blocked = pool.units[place]
    const isUnclear =
      kind === 'unchecked' || (kind === 'occupied' && blocked !== undefined && isJustReleased(blocked, now))
    calendar.setUsability(place, isUnclear ? 'unclear' : 'unusable')
  }
  if (unknownEnds === 'now') calendar.endUnknown()
  return calendar
}
