import { bookingsOf } from '../pool/bookings.ts'
import type { Booking, Millis, Pool, Request, UnitId } from '../pool/model.ts'
import { isSuitable } from '../pool/suitable.ts'
import { unitsOf, wholeUnits } from '../pool/units.ts'
import { sizeOf } from './demand.ts'
import { knownEnd, NEVER } from './term-times.ts'

/** The most choices of a search. A small pool has fewer; in a large one nearly every choice leads to an arrangement. */
const MOST_CHOICES = 5_000

/**
 * The pool with units for all its bookings, also for new ones that have none: no unit is planned twice at a time, or
 * before the known end of its reservation, or while it is drained. Null if no arrangement is found. It changes as little
 * as possible.
 *
 * A booking may keep a unit in spite of a drain or a reservation that kept it from it in `before` too: no operation can
 * mend that.
 */
export function arranged(pool: Pool, given: Given): Pool | null {
  const bookings = bookingsOf(pool)
  if (bookings.length === 0) return pool
  const arrangement = new Arrangement(pool, given)
  const displaced = bookings.filter((booking) => !arrangement.isKept(booking))
  if (displaced.length === 0) return pool
  const units = arrangement.withOthersFixed(displaced) ?? arrangement.anew()
  if (units === null) return null
  return {
    ...pool,
    bookings: bookings.map((booking) => {
      const chosen = units.get(booking.id)
      return chosen === undefined || isSame(chosen, unitsOf(booking))
        ? booking
        : { ...booking, holdings: wholeUnits(chosen) }
    }),
  }
}

export interface Given {
  readonly now: Millis
  /** The pool before the operation that is decided. */
  readonly before?: Pool
  /** No booking is moved to these, and a new one gets none of them. */
  readonly unusable?: ReadonlySet<UnitId>
  /** Units that waiters are expected to have then come last. */
  readonly expected?: readonly PlannedHold[]
}

/** The units that a waiter is expected to hold, and when. */
export interface PlannedHold {
  readonly units: readonly UnitId[]
  readonly from: Millis
  readonly until: Millis
}

const isSame = (a: readonly UnitId[], b: readonly UnitId[]): boolean =>
  a.length === b.length && a.every((unit) => b.includes(unit))

/** Units by the id of their booking. */
type Chosen = Map<string, readonly UnitId[]>

class Arrangement {
  readonly #bookings: readonly Booking[]
  readonly #units: readonly UnitId[]
  readonly #reserved: ReadonlyMap<UnitId, Millis>
  readonly #reservedBefore: ReadonlyMap<UnitId, Millis>
  readonly #usable: (request: Request) => ReadonlySet<UnitId>
  readonly #usableBefore: (request: Request) => ReadonlySet<UnitId>
  readonly #unusable: ReadonlySet<UnitId> | undefined
  readonly #expected: readonly PlannedHold[]

  constructor(pool: Pool, { now, before = pool, unusable, expected = [] }: Given) {
    this.#unusable = unusable
    this.#expected = expected
    this.#bookings = bookingsOf(pool)
    this.#units = pool.units.map(({ id }) => id)
    this.#reserved = reservedUntil(pool, now)
    this.#reservedBefore = before === pool ? this.#reserved : reservedUntil(before, now)
    this.#usable = usableUnits(pool)
    this.#usableBefore = before === pool ? this.#usable : usableUnits(before)
  }

  /** Whether the booking can keep all its units. */
  isKept(booking: Booking): boolean {
    return booking.holdings.length > 0 && unitsOf(booking).every((unit) => this.#mayHave(booking, unit))
  }

  #mayHave(booking: Booking, unit: UnitId): boolean {
    const { request, term } = booking
    const isUsable = this.#usable(request).has(unit)
    const isFree = (this.#reserved.get(unit) ?? term.from) <= term.from
    if (!unitsOf(booking).includes(unit)) return isUsable && isFree && this.#unusable?.has(unit) !== true
    const wasUsable = this.#usableBefore(request).has(unit)
    const wasFree = (this.#reservedBefore.get(unit) ?? term.from) <= term.from
    return this.#units.includes(unit) && (isUsable || !wasUsable) && (isFree || !wasFree)
  }

  /** Units for some bookings, while the others keep theirs; null if there are not enough. */
  withOthersFixed(displaced: readonly Booking[]): Chosen | null {
    const fixed = new Map(this.#units.map((unit) => [unit, [] as Booking[]]))
    for (const booking of this.#bookings) {
      if (displaced.includes(booking)) continue
      for (const unit of unitsOf(booking)) fixed.get(unit)?.push(booking)
    }
    const chosen: Chosen = new Map()
    for (const booking of displaced) {
      const { from, until } = booking.term
      const isFree = (unit: UnitId) =>
        this.#mayHave(booking, unit) &&
        fixed.get(unit)?.every(({ term }) => term.until <= from || until <= term.from) === true
      // The smallest gap first: the other units stay free for longer requests.
      const endBefore = (unit: UnitId) =>
        (fixed.get(unit) ?? []).reduce(
          (end, { term }) => (term.until <= from ? Math.max(end, term.until) : end),
          this.#reserved.get(unit) ?? Number.NEGATIVE_INFINITY,
        )
      const own = unitsOf(booking)
      const rank = (unit: UnitId) => (own.includes(unit) ? 0 : this.#isExpected(unit, booking) ? 2 : 1)
      const units = this.#units
        .filter(isFree)
        .map((unit) => ({ unit, rank: rank(unit), end: endBefore(unit) }))
        .sort((a, b) => a.rank - b.rank || compare(b.end, a.end))
        .slice(0, sizeOf(booking.request))
        .map(({ unit }) => unit)
      if (units.length < sizeOf(booking.request)) return null
      for (const unit of units) fixed.get(unit)?.push(booking)
      chosen.set(booking.id, units)
    }
    return chosen
  }

  #isExpected(unit: UnitId, { term }: Booking): boolean {
    return this.#expected.some(
      ({ units, from, until }) => from < term.until && term.from < until && units.includes(unit),
    )
  }

  /**
   * Units for all bookings, in the order of their begin; null if none are found. A unit that is free when a booking
   * begins is free for all of it, because later bookings choose later. So only the suitability of units matters: of
   * units that suit the same bookings, one is as good as another.
   */
  anew(): Chosen | null {
    const chosen: Chosen = new Map()
    const freeFrom = new Map<UnitId, Millis>()
    const kinds = this.#kinds()
    let left = MOST_CHOICES
    const choose = (place: number): boolean => {
      const booking = this.#bookings[place]
      if (booking === undefined) return true
      const { from, until } = booking.term
      const isFree = (unit: UnitId) => (freeFrom.get(unit) ?? from) <= from && this.#mayHave(booking, unit)
      const own = unitsOf(booking)
      const free = kinds.map((units) => {
        const usable = units.filter(isFree)
        return [
          ...usable.filter((unit) => own.includes(unit)),
          ...usable.filter((unit) => !own.includes(unit)),
        ]
      })
      for (const units of choicesOf(free, sizeOf(booking.request))) {
        if (left-- <= 0) return false
        const before = units.map((unit) => freeFrom.get(unit) ?? Number.NEGATIVE_INFINITY)
        for (const unit of units) freeFrom.set(unit, until)
        chosen.set(booking.id, units)
        if (choose(place + 1)) return true
        for (const [at, unit] of units.entries()) freeFrom.set(unit, before[at] ?? from)
      }
      return false
    }
    return choose(0) ? chosen : null
  }

  /** Units that suit the same bookings. Those that few bookings with few choices need come first. */
  #kinds(): readonly (readonly UnitId[])[] {
    const usable = [...new Set(this.#bookings.map(({ request }) => this.#usable(request)))]
    const scarce = this.#bookings
      .map(({ request }) => this.#usable(request))
      .filter(({ size }) => size < this.#units.length)
    const wanted = (unit: UnitId) => scarce.filter((units) => units.has(unit)).length
    const kinds = Map.groupBy(this.#units, (unit) => usable.map((units) => Number(units.has(unit))).join(''))
    return [...kinds.values()]
      .map((units) => ({ units, wanted: wanted(units[0] ?? '') }))
      .sort((a, b) => a.wanted - b.wanted)
      .map(({ units }) => units)
  }
}

const compare = (a: Millis, b: Millis): number => (a === b ? 0 : a < b ? -1 : 1)

/** The known end of the reservation of each reserved unit. One that is over its end has no known end. */
function reservedUntil({ reservations }: Pool, now: Millis): ReadonlyMap<UnitId, Millis> {
  const until = new Map<UnitId, Millis>()
  for (const held of reservations) {
    const end = knownEnd(held)
    for (const unit of unitsOf(held)) until.set(unit, end > now ? end : NEVER)
  }
  return until
}

/** The units that a request may have at some time. */
function usableUnits({ units }: Pool): (request: Request) => ReadonlySet<UnitId> {
  const inService = units.filter(({ drain }) => drain === undefined)
  const known = new Map<string, ReadonlySet<UnitId>>()
  return (request) => {
    const key = request.kind === 'ids' ? request.ids.join() : `${request.gpuTypes} ${request.leastMemoryMb}`
    const found = known.get(key)
    if (found !== undefined) return found
    const usable = inService.filter((unit) =>
      request.kind === 'ids' ? request.ids.includes(unit.id) : isSuitable(unit, request),
    )
    const ids = new Set(usable.map(({ id }) => id))
    known.set(key, ids)
    return ids
  }
}

/** All ways to take `size` units of these kinds, always the first ones of a kind. Those of the first kinds come first. */
function* choicesOf(kinds: readonly (readonly UnitId[])[], size: number): Generator<readonly UnitId[]> {
  if (size === 0) {
    yield []
    return
  }
  const [first, ...others] = kinds
  if (first === undefined) return
  for (let count = Math.min(size, first.length); count >= 0; count--) {
    for (const more of choicesOf(others, size - count)) yield [...first.slice(0, count), ...more]
  }
}
