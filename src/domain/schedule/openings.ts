import { allocationOrder } from '../observation/allocation.ts'
import type { Cap } from '../policy/limits.ts'
import type { Millis, Policy, UnitId } from '../pool/model.ts'
import type { Calendar } from './calendar.ts'
import { type Demand, sizeOf } from './demand.ts'
import { NEVER } from './term-times.ts'

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
    this.#used = policy.limits === undefined ? new Map() : calendar.heldByAccount()
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

  /** How many units the account of a cap holds, with those of earlier requests that can start now. */
  usedOf({ account }: Cap): number {
    return this.#used.get(account) ?? 0
  }

  /** Whether the limit of its account allows the request now. */
  allows({ request, cap }: Demand): boolean {
    return cap === undefined || this.usedOf(cap) + sizeOf(request) <= cap.most
  }

  /** Whether the request can start now. Takes no unit, and is cheaper than `choices`. */
  fits(demand: Demand): boolean {
    const { request, duration } = demand
    if (!this.allows(demand)) return false
    // Fast path: a thousand requests may wait behind one for which all free units are kept.
    if (duration === undefined && this.#unlimited < sizeOf(request)) return false
    const needed = this.#neededUntil(duration)
    if (request.kind === 'ids')
      return request.ids.every((id) => this.#isOpen(this.#calendar.placeOf(id), needed))
    let open = 0
    for (const place of this.#calendar.placesFor(request)) if (this.#isOpen(place, needed)) open++
    return open >= request.count
  }

  /** All units that the request may hold now, in the order of allocation. */
  choices(demand: Demand): readonly UnitId[] {
    const { request, uid, duration } = demand
    if (!this.allows(demand)) return []
    const needed = this.#neededUntil(duration)
    if (request.kind === 'ids') {
      return request.ids.filter((id) => this.#isOpen(this.#calendar.placeOf(id), needed))
    }
    const open = this.#calendar.placesFor(request).filter((place) => this.#isOpen(place, needed))
    const units = open.flatMap((place) => this.#calendar.units[place] ?? [])
    return allocationOrder(units, this.#policy, uid).map(({ id }) => id)
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
    if (cap !== undefined) this.#used.set(cap.account, this.usedOf(cap) + units.length)
    return units
  }

  /** A request without a known duration cannot use a unit with a limit, so it limits only the others. */
  #keepFor(demand: Demand): void {
    const { request, duration } = demand
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

  #neededUntil(duration: Millis | undefined): Millis {
    return duration === undefined ? NEVER : this.#calendar.now + duration
  }
}
