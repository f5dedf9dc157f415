import { limitedAs } from '../policy/limits.ts'
import { begunAt, bookingsOf } from '../pool/bookings.ts'
import type { Millis, Pool, Request, Requirements, Reservation, Unit, UnitId } from '../pool/model.ts'
import { hasRequirements } from '../pool/suitable.ts'
import { type Demand, neededTime, sizeOf } from './demand.ts'
import { type Later, LaterHolds } from './later-holds.ts'
import { type Use, usesIn } from './peak-use.ts'
import { SuitablePlaces } from './suitable-places.ts'
import { knownEnd, NEVER } from './term-times.ts'

/**
 * Whether a unit can be granted apart from its reservation. `unclear`: not now, but this may change at any moment.
 * `unusable`: not even if all reservations end.
 */
export type Usability = 'usable' | 'unclear' | 'unusable'

const NO_USES: readonly Use[] = []

/**
 * The reservations of each unit, now and later. Runs, manual reservations, bookings and maintenance are all intervals.
 * A booking that is due holds its units from now on, although it has not begun.
 * The arrays are indexed by the place of the unit in the pool. They are plain arrays because every command builds a
 * calendar.
 */
export class Calendar {
  now: Millis
  /** With the last use of each unit as of `now`. */
  readonly units: Unit[]
  /** The end of the hold of each unit: at most `now` if nothing holds it, NEVER if the end is unknown. */
  readonly heldUntil: Millis[] = []
  /** The last known end on each unit; another interval of the unit may have no known end. */
  readonly #knownUntil: Millis[] = []
  /** The known ends of all intervals that have begun, including those that another interval of the unit hides. */
  #ends: Millis[] = []
  /** The current or last holder, if that is a reservation of the pool. */
  readonly holders: (Reservation | undefined)[] = []
  /** By place: whether a reservation held the unit at the beginning. */
  readonly #reserved: boolean[] = []
  readonly usability: Usability[] = []
  /** Absent: nothing begins later. */
  readonly #later: LaterHolds | undefined
  /** By account; computed on demand. */
  #laterUses: ReadonlyMap<number, readonly Use[]> | undefined
  unusableCount = 0
  /** By place: the account of the request that is planned to hold the unit. */
  readonly #planned: number[] = []
  /** By place: the account of that request as limits count it, if it has a limit. */
  readonly #plannedAs: (number | undefined)[] = []
  readonly #places = new Map<UnitId, number>()
  readonly #suitable: SuitablePlaces

  constructor(pool: Pool, now: Millis) {
    this.now = now
    this.units = pool.units.slice()
    this.#suitable = new SuitablePlaces(pool.units)
    for (const { id, drain } of pool.units) {
      this.#places.set(id, this.heldUntil.length)
      this.heldUntil.push(Number.NEGATIVE_INFINITY)
      this.#knownUntil.push(Number.NEGATIVE_INFINITY)
      this.holders.push(undefined)
      this.usability.push(drain === undefined ? 'usable' : 'unusable')
      if (drain !== undefined) this.unusableCount++
    }
    const later: Later[] = []
    for (const reservation of pool.reservations) {
      this.#add(reservation, reservation.term.kind === 'maintenance' && reservation.term.from > now, later)
    }
    for (let place = 0; place < this.units.length; place++) this.#reserved.push(this.isHeld(place))
    for (const booking of bookingsOf(pool)) {
      this.#add(begunAt(booking, booking.term.from), booking.term.from > now, later)
    }
    this.#later = later.length === 0 ? undefined : new LaterHolds(this.units.length, later)
  }

  #add(reservation: Reservation, isLater: boolean, later: Later[]): void {
    for (const { unit } of reservation.holdings) {
      const place = this.#places.get(unit)
      if (place === undefined) continue
      if (isLater) later.push({ place, reservation })
      else this.#begin(place, reservation)
    }
  }

  /** The place of a unit; -1 for a unit that the pool does not have. */
  placeOf(unit: UnitId): number {
    return this.#places.get(unit) ?? -1
  }

  /** The places of the units that the request may be granted at some time. */
  placesFor(request: Request): readonly number[] {
    return request.kind === 'ids'
      ? request.ids.map((id) => this.placeOf(id))
      : this.#suitable.for(request).places
  }

  isHeld(place: number): boolean {
    return (this.heldUntil[place] ?? NEVER) > this.now
  }

  /** Whether a reservation of the pool holds the unit. A booking that is due does not. */
  isReserved(place: number): boolean {
    return this.#reserved[place] === true
  }

  isFree(place: number): boolean {
    return !this.isHeld(place) && this.usability[place] === 'usable'
  }

  /** The next booking or maintenance on a unit. */
  nextOn(place: number): Reservation | undefined {
    return this.#later?.nextOn(place)
  }

  /** What an account, as limits count it, has booked for later. */
  laterUses(account: number): readonly Use[] {
    if (this.#later === undefined) return NO_USES
    this.#laterUses ??= usesIn(this.#later.left)
    return this.#laterUses.get(account) ?? NO_USES
  }

  /** The account that holds the unit, as limits count it. No account holds units that are out of service. */
  accountAt(place: number): number | undefined {
    const holder = this.holders[place]
    if (holder === undefined) return this.#plannedAs[place]
    return holder.term.kind === 'maintenance' ? undefined : limitedAs(holder.owner.account)
  }

  /** A drained unit stays unusable. */
  setUsability(place: number, usability: Usability): void {
    const before = this.usability[place]
    if (before === usability || before === undefined || this.units[place]?.drain !== undefined) return
    this.usability[place] = usability
    if (before === 'unusable') this.unusableCount--
    if (usability === 'unusable') this.unusableCount++
  }

  /** Whether a request can start once all reservations have ended. */
  canEverStart({ request }: Demand): boolean {
    if (request.kind === 'count') {
      if (!hasRequirements(request)) return request.count <= this.units.length - this.unusableCount
      const { places } = this.#suitable.for(request)
      if (this.unusableCount === 0) return request.count <= places.length
      let usable = 0
      for (const place of places) if (this.usability[place] !== 'unusable') usable++
      return request.count <= usable
    }
    if (this.unusableCount === 0) return true
    return !request.ids.some((id) => this.usability[this.placeOf(id)] === 'unusable')
  }

  /**
   * The time before which a request cannot start. Only known ends count: a process may exit, and use without a
   * reservation may end, at any moment.
   */
  earliestStart(demand: Demand): Millis {
    const { request } = demand
    let start = this.now
    if (request.kind === 'ids')
      for (const id of request.ids) start = Math.max(start, this.#freeFrom(this.placeOf(id)))
    else start = this.#sortedFrees(request)[request.count - 1] ?? this.now
    if (this.#later === undefined) return start
    const wish = {
      ...{
        places: this.placesFor(request),
        size: sizeOf(request),
        needed: neededTime(demand) ?? NEVER,
        start,
      },
      freeFrom: (place: number) => this.#freeFrom(place),
    }
    if (request.kind === 'ids') return this.#later.earliestStart(wish)
    const { starts } = this.#suitable.for(request)
    const key = `${wish.size} ${wish.needed}`
    const known = starts.get(key)
    if (known !== undefined) return known
    const found = this.#later.earliestStart(wish)
    starts.set(key, found)
    return found
  }

  /** The start of the next interval on a unit; NEVER if there is none. */
  nextFrom(place: number): Millis {
    return this.#later === undefined ? NEVER : this.#later.nextFrom(place)
  }

  /** Holds units for a request that starts now. */
  hold(units: readonly UnitId[], { duration = NEVER, uid, cap }: Demand): void {
    for (const unit of units) {
      const place = this.placeOf(unit)
      this.heldUntil[place] = this.now + duration
      this.#knownUntil[place] = duration === NEVER ? this.now : this.now + duration
      this.holders[place] = undefined
      this.#planned[place] = uid
      this.#plannedAs[place] = cap?.account
    }
    if (duration < NEVER) this.#ends.push(this.now + duration)
    this.#suitable.forgetTimes()
  }

  /** Ends all intervals without a known end now. */
  endUnknown(): void {
    for (let place = 0; place < this.units.length; place++) {
      if (this.heldUntil[place] !== NEVER) continue
      this.heldUntil[place] = this.#freeFrom(place)
      if (!this.isHeld(place)) this.#end(place)
    }
    this.#suitable.forgetTimes()
  }

  /** The next time at which an interval ends or begins; NEVER if there is none. */
  nextChange(): Millis {
    let next = NEVER
    for (const end of this.#ends) if (end > this.now && end < next) next = end
    return this.#later === undefined ? next : Math.min(next, this.#later.nextBegin)
  }

  /** Advances to the next change. */
  advance(now: Millis): void {
    this.now = now
    this.#suitable.forgetTimes()
    this.#ends = this.#ends.filter((end) => end > now)
    for (let place = 0; place < this.units.length; place++) {
      if (this.heldUntil[place] === now) this.#end(place)
    }
    const begun = this.#later?.beginUntil(now) ?? []
    for (const { place, reservation } of begun) this.#begin(place, reservation)
    if (begun.length > 0) this.#laterUses = undefined
  }

  /** Keeps the holder of the unit: `lastEnded` reads it. */
  #end(place: number): void {
    const unit = this.units[place]
    const uid = this.holders[place]?.owner.account.uid ?? this.#planned[place]
    if (unit !== undefined && uid !== undefined)
      this.units[place] = { ...unit, lastUse: { endedAt: this.now, uid } }
  }

  #begin(place: number, reservation: Reservation): void {
    const { term } = reservation
    const end = knownEnd(reservation)
    // A run that continues after its time limit (its supervisor was killed) has no known end.
    const until = end > this.now ? end : NEVER
    if (until >= (this.heldUntil[place] ?? 0)) {
      this.heldUntil[place] = until
      this.holders[place] = reservation
    }
    if (until < NEVER) {
      this.#knownUntil[place] = Math.max(this.#knownUntil[place] ?? until, until)
      this.#ends.push(until)
    }
    if (term.kind === 'maintenance' && term.until === undefined) this.setUsability(place, 'unusable')
  }

  /** An unknown end counts as now. */
  #freeFrom(place: number): Millis {
    return Math.max(this.now, this.#knownUntil[place] ?? this.now)
  }

  /** The earliest times at which suitable units may be free. */
  #sortedFrees(requirements: Requirements): readonly Millis[] {
    const suitable = this.#suitable.for(requirements)
    suitable.frees ??= suitable.places.map((place) => this.#freeFrom(place)).sort((a, b) => a - b)
    return suitable.frees
  }
}
