import { usageOrder } from '../observation/allocation.ts'
import type { Millis, Policy, UnitId } from '../pool/model.ts'
import { type Calendar, NEVER } from './calendar.ts'
import { type Demand, sizeOf } from './demand.ts'

/**
 * The units that are free at one moment, each with the time until which a request that starts now may hold it. Requests
 * are planned in the order of the queue: first come, first served. A request that fits takes its units. A request that
 * has to wait keeps the units that it may use: a later request may hold them only until the first one could start at
 * the earliest. So a later request never delays an earlier one. A request that cannot start even if all reservations
 * end keeps nothing.
 */
export class Openings {
  readonly #calendar: Calendar
  readonly #policy: Policy
  /** By place: NEGATIVE_INFINITY where the unit is not free, NEVER where no request and no booking needs it. */
  readonly #until: Millis[] = []
  /** How many units may be held without limit. */
  #unlimited = 0
  /** How many units may be held at all. */
  #open = 0

  constructor(calendar: Calendar, policy: Policy) {
    this.#calendar = calendar
    this.#policy = policy
    for (let place = 0; place < calendar.units.length; place++) {
      const until = calendar.isFree(place) ? (calendar.nextFrom[place] ?? NEVER) : Number.NEGATIVE_INFINITY
      this.#until.push(until)
      if (until > calendar.now) this.#open++
      if (until === NEVER) this.#unlimited++
    }
  }

  /** No unit is left for any further request. */
  get areGone(): boolean {
    return this.#open === 0
  }

  /** Whether the request can start now. Takes nothing, and is cheaper than `choices`. */
  fits({ request, duration }: Demand): boolean {
    // A thousand may wait behind the request that all free units are kept for.
    if (duration === undefined && this.#unlimited < sizeOf(request)) return false
    const needed = this.#neededUntil(duration)
    if (request.kind === 'ids')
      return request.ids.every((id) => this.#isOpen(this.#calendar.placeOf(id), needed))
    let open = 0
    for (const until of this.#until) if (until >= needed) open++
    return open >= request.count
  }

  /** All units that the request may have now, in the order in which it gets them. */
  choices({ request, uid, duration }: Demand): readonly UnitId[] {
    const needed = this.#neededUntil(duration)
    if (request.kind === 'ids') {
      return request.ids.filter((id) => this.#isOpen(this.#calendar.placeOf(id), needed))
    }
    const units = this.#calendar.units.filter((_, place) => this.#isOpen(place, needed))
    return usageOrder(units, this.#policy, uid).map(({ id }) => id)
  }

  /** Plans the next request of the queue. Returns its units if it can start now, else null. */
  plan(demand: Demand): readonly UnitId[] | null {
    if (!this.#calendar.canEverStart(demand)) return null
    if (!this.fits(demand)) {
      this.#keepFor(demand)
      return null
    }
    const units = this.choices(demand).slice(0, sizeOf(demand.request))
    for (const unit of units) this.#limit(this.#calendar.placeOf(unit), Number.NEGATIVE_INFINITY)
    return units
  }

  /** A request without a known duration cannot use a unit that is kept already, so it keeps only the others. */
  #keepFor(demand: Demand): void {
    const { request, duration } = demand
    if (duration === undefined && this.#unlimited === 0) return
    const start = this.#calendar.earliestStart(demand)
    if (request.kind === 'ids')
      for (const id of request.ids) this.#keep(this.#calendar.placeOf(id), start, duration)
    else for (let place = 0; place < this.#until.length; place++) this.#keep(place, start, duration)
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
