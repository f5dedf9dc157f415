import { allocationOrder } from '../observation/allocation.ts'
import type { Millis, Policy, Request, UnitId } from '../pool/model.ts'
import { heldByAccount, usesNow } from './account-holds.ts'
import type { Calendar } from './calendar.ts'
import { type Demand, neededTime, sizeOf } from './demand.ts'
import { type Peak, peakOf } from './peak-use.ts'
import { NEVER } from './term-times.ts'

/** A run until a booking begins ends this much earlier, so that the driver shows its units free in time. */
const BEFORE_BOOKING_MS: Millis = 10_000

/**
 * The units that are free at one moment, each with the time until which a request that starts now may hold it.
 *
 * Requests are planned in the order of the queue. A request that fits takes its units. A request that must wait limits
 * the units that it may use: later requests may hold them only until its earliest start. So a later request never
 * delays an earlier one. A request that could not start even if all reservations ended limits nothing. Neither does a
 * request that a limit of its account keeps from starting.
 */
export class Openings {
  readonly #calendar: Calendar
  readonly #policy: Policy
  /** By place: NEGATIVE_INFINITY if the unit is not free, NEVER if no request and no booking needs it. */
  readonly #until: Millis[] = []
  /** How many units may be held without limit. */
  #unlimited = 0
  /** How many units may be held at all. */
  #open = 0
  /** How many units each account holds, with those of requests that were planned. */
  readonly #used: Map<number, number>

  constructor(calendar: Calendar, policy: Policy) {
    this.#calendar = calendar
    this.#policy = policy
    this.#used = policy.limits === undefined ? new Map() : heldByAccount(calendar)
    for (let place = 0; place < calendar.units.length; place++) {
      const until = calendar.isFree(place) ? calendar.nextFrom(place) : Number.NEGATIVE_INFINITY
      this.#until.push(until)
      if (until > calendar.now) this.#open++
      if (until === NEVER) this.#unlimited++
    }
  }

  /** Whether no unit is left for later requests. */
  get areEmpty(): boolean {
    return this.#open === 0
  }

  /**
   * The most units that the account of a request has while the request would hold its units: now, with those of earlier
   * requests that can start now, or later with its bookings.
   */
  peakFor(demand: Demand): Peak {
    const { now } = this.#calendar
    const account = demand.cap?.account
    const used = account === undefined ? 0 : (this.#used.get(account) ?? 0)
    const later = account === undefined ? [] : this.#calendar.laterUses(account)
    if (account === undefined || later.length === 0) return { units: used, at: now }
    const held = usesNow(this.#calendar, account)
    const peak = peakOf([...held, ...later], now, now + (demand.duration ?? NEVER))
    return { units: peak.units + used - held.length, at: peak.at }
  }

  /** Whether the limit of its account allows the request now. */
  allows(demand: Demand): boolean {
    const { request, cap } = demand
    return cap === undefined || this.peakFor(demand).units + sizeOf(request) <= cap.most
  }

  /** Whether the request can start now. Takes no unit, and is cheaper than `choices`. */
  fits(demand: Demand): boolean {
    const { request } = demand
    if (!this.allows(demand)) return false
    // Fast path: a thousand requests may wait behind one for which all free units are kept.
    if (neededTime(demand) === undefined && this.#unlimited < sizeOf(request)) return false
    if (request.kind === 'ids')
      return request.ids.every((id) => this.#suits(this.#calendar.placeOf(id), demand))
    let open = 0
    for (const place of this.#calendar.placesFor(request)) if (this.#suits(place, demand)) open++
    return open >= request.count
  }

  /** All units that the request may hold now, in the order of allocation. */
  choices(demand: Demand): readonly UnitId[] {
    const { request, uid } = demand
    if (!this.allows(demand)) return []
    if (request.kind === 'ids') {
      return request.ids.filter((id) => this.#suits(this.#calendar.placeOf(id), demand))
    }
    const open = this.#calendar.placesFor(request).filter((place) => this.#suits(place, demand))
    const units = open.flatMap((place) => this.#calendar.units[place] ?? [])
    const ordered = allocationOrder(units, this.#policy, uid).map(({ id }) => id)
    if (demand.least === undefined) return ordered
    const end = (unit: UnitId) => this.#endOn(this.#calendar.placeOf(unit), demand)
    return ordered.toSorted((a, b) => (end(a) === end(b) ? 0 : end(b) - end(a)))
  }

  /** Until when the request may hold these units: not after a booking begins, if it needs them until then only. */
  holdEnd(units: readonly UnitId[], demand: Demand): Millis {
    const ends = units.map((unit) => this.#endOn(this.#calendar.placeOf(unit), demand))
    return Math.min(this.#calendar.now + (demand.duration ?? NEVER), ...ends)
  }

  #endOn(place: number, { duration = NEVER, least }: Demand): Millis {
    const end = this.#calendar.now + duration
    return least === undefined ? end : Math.min(end, this.#calendar.nextFrom(place) - BEFORE_BOOKING_MS)
  }

  /** The longest time for which the units of a request could be held from now on; 0: they cannot. */
  longestFor(request: Request): Millis {
    const until = this.#calendar.placesFor(request).map((place) => this.#until[place] ?? 0)
    const end = until.sort((a, b) => (a === b ? 0 : b - a))[sizeOf(request) - 1] ?? 0
    return Math.max(0, end - this.#calendar.now)
  }

  /** Plans the next request of the queue. Returns its units if it can start now, else null. */
  plan(demand: Demand): readonly UnitId[] | null {
    if (!this.#calendar.canEverStart(demand) || !this.allows(demand)) return null
    if (!this.fits(demand)) {
      this.#keepFor(demand)
      return null
    }
    const units = this.choices(demand).slice(0, sizeOf(demand.request))
    for (const unit of units) this.#limit(this.#calendar.placeOf(unit), Number.NEGATIVE_INFINITY)
    const { cap } = demand
    if (cap !== undefined) this.#used.set(cap.account, (this.#used.get(cap.account) ?? 0) + units.length)
    return units
  }

  /** A request without a known duration cannot use a unit with a limit, so it limits only the others. */
  #keepFor(demand: Demand): void {
    const { request } = demand
    const duration = neededTime(demand)
    if (duration === undefined && this.#unlimited === 0) return
    const places = this.#calendar.placesFor(request)
    if (!places.some((place) => this.#isOpen(place, this.#calendar.now))) return
    const start = this.#calendar.earliestStart(demand)
    for (const place of places) this.#keep(place, start, duration)
  }

  #keep(place: number, start: Millis, duration: Millis | undefined): void {
    const until = this.#until[place] ?? Number.NEGATIVE_INFINITY
    if (until > start && (until === NEVER || duration !== undefined)) this.#limit(place, start)
  }

  #limit(place: number, until: Millis): void {
    const before = this.#until[place] ?? Number.NEGATIVE_INFINITY
    if (before === NEVER) this.#unlimited--
    if (before > this.#calendar.now && until <= this.#calendar.now) this.#open--
    this.#until[place] = until
  }

  #isOpen(place: number, needed: Millis): boolean {
    return (this.#until[place] ?? Number.NEGATIVE_INFINITY) >= needed
  }

  /** Whether the request may hold the unit from now on, for long enough. */
  #suits(place: number, demand: Demand): boolean {
    const end = this.#endOn(place, demand)
    return this.#isOpen(place, end) && end >= this.#calendar.now + (demand.least ?? 0)
  }
}
