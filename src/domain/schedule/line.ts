import { availabilityOf, reservedUnits, type Sight, usageOrder } from '../observation/allocation.ts'
import type { Millis, Pool, QueueEntry, Request, Reservation, Unit, UnitId } from '../pool/model.ts'
import type { StoppedCheck } from '../pool/process-check.ts'
import { unitsOf } from '../pool/units.ts'

/**
 * A waiter that could be served for this long and does not come (frozen, or stopped where that cannot be seen)
 * is passed over. One that is seen to be stopped is passed over at once, until it continues.
 */
export const PASSED_OVER_AFTER_MS: Millis = 10_000

/** A GPU that was released more recently than this may still show the memory of its last holder. */
const GIVING_BACK_MS: Millis = 10_000

/** What the turns depend on besides the pool. */
export interface Conditions {
  readonly now: Millis
  readonly stopped: StoppedCheck
  /** What the driver shows; without it every unreserved GPU may be free. */
  readonly sight?: Sight
  /** Without a sight: GPUs that could not be used at the last look. */
  readonly unusable?: ReadonlySet<UnitId>
}

/** What the line needs to know of a request, be it waiting or a newcomer's. */
export interface Claim {
  readonly request: Request
  readonly uid: number
  /** For how long the GPUs would be held at most; absent: as long as it likes. */
  readonly duration?: Millis
}

/**
 * First come, first served, as one walk along the line. Every free GPU carries until when it may be lent:
 * an earlier request that fits takes its GPUs out of the walk; one that must wait leaves the GPUs it waits
 * for to those only who give them back before it could start anyway. So nobody is ever delayed by one who
 * came later. One that a faulty or squatted GPU keeps from starting, whatever ends, keeps none.
 */
export class Walk {
  readonly #pool: Pool
  readonly #now: Millis
  /** By unit: until when it may be lent; 0 where it is not free, infinite where nobody waits for it. */
  readonly #until: Map<UnitId, Millis>
  /** How many GPUs nobody waits for. */
  #spare = 0
  /** How many may be lent at all. */
  #open = 0
  #ends: readonly Millis[] | undefined
  /** GPUs that nobody can use, whether or not they are reserved. */
  readonly #unusable: ReadonlySet<UnitId>

  constructor(pool: Pool, conditions: Conditions) {
    this.#pool = pool
    this.#now = conditions.now
    this.#until = new Map(pool.units.map(({ id }) => [id, 0]))
    const { free, unusable } = supplyOf(pool, conditions)
    this.#unusable = unusable
    for (const id of free) {
      this.#until.set(id, Number.POSITIVE_INFINITY)
      this.#spare++
      this.#open++
    }
  }

  /** No GPU is left for anyone who comes later, whatever they ask for. */
  get isOver(): boolean {
    return this.#open === 0
  }

  /** The GPUs that the claim gets if it is served now; fewer than it asks for where it cannot be. */
  offer(claim: Claim): readonly UnitId[] {
    return this.usable(claim).slice(0, sizeOf(claim.request))
  }

  /** All GPUs the claim could choose from now, in the order of choice. */
  usable(claim: Claim): readonly UnitId[] {
    const needed = this.#neededBy(claim)
    switch (claim.request.kind) {
      case 'ids':
        return claim.request.ids.filter((id) => this.#lendable(id, needed))
      case 'count': {
        const units = this.#pool.units.filter(({ id }) => this.#lendable(id, needed))
        return usageOrder(units, this.#pool.policy, claim.uid).map(({ id }) => id)
      }
    }
  }

  /** Whether the claim could be served now; cheaper than to ask for an offer. */
  fits(claim: Claim): boolean {
    // A thousand may stand behind the one whom everything left is kept for.
    if (claim.duration === undefined && this.#spare < sizeOf(claim.request)) return false
    const needed = this.#neededBy(claim)
    if (claim.request.kind === 'ids') return claim.request.ids.every((id) => this.#lendable(id, needed))
    let usable = 0
    for (const until of this.#until.values()) if (until >= needed) usable++
    return usable >= claim.request.count
  }

  /** Lets one who stands in line go before everyone after; tells whether it can be served now. */
  letPass(claim: Claim): boolean {
    if (!this.canStart(claim)) return false
    const fits = this.fits(claim)
    if (fits) for (const id of this.offer(claim)) this.#lendUntil(id, 0)
    else this.#keepFor(claim)
    return fits
  }

  /** Whether it could start if all reservations ended. */
  canStart({ request }: Claim): boolean {
    if (this.#unusable.size === 0) return true
    if (request.kind === 'ids') return !request.ids.some((id) => this.#unusable.has(id))
    return request.count <= this.#pool.units.length - this.#unusable.size
  }

  /**
   * Who gives a GPU back before the waiting claim could start does not delay it. One without a known
   * duration cannot go before those ahead of it, so on GPUs kept for them it has nothing to lose.
   */
  #keepFor(claim: Claim): void {
    if (claim.duration === undefined && this.#spare === 0) return
    const start = this.#earliestStart(claim.request)
    for (const id of wantedUnits(this.#pool, claim.request)) {
      const until = this.#until.get(id) ?? 0
      if (until > start && (until === Number.POSITIVE_INFINITY || claim.duration !== undefined)) {
        this.#lendUntil(id, start)
      }
    }
  }

  #lendUntil(id: UnitId, until: Millis): void {
    const before = this.#until.get(id) ?? 0
    if (before === Number.POSITIVE_INFINITY) this.#spare--
    if (before > this.#now && until <= this.#now) this.#open--
    this.#until.set(id, until)
  }

  #lendable(id: UnitId, needed: Millis): boolean {
    return (this.#until.get(id) ?? 0) >= needed
  }

  #neededBy({ duration }: Claim): Millis {
    return duration === undefined ? Number.POSITIVE_INFINITY : this.#now + duration
  }

  /**
   * The moment before which the request cannot start: only reservations with a known end keep it from
   * starting at once, for any other may end, and any squatter leave, this instant.
   */
  #earliestStart(request: Request): Millis {
    switch (request.kind) {
      case 'ids':
        return Math.max(this.#now, ...knownEnds(this.#pool, (unit) => request.ids.includes(unit)))
      case 'count': {
        this.#ends ??= knownEnds(this.#pool, () => true).toSorted((a, b) => a - b)
        const missing = request.count - (this.#pool.units.length - this.#ends.length)
        return missing <= 0 ? this.#now : (this.#ends[missing - 1] ?? this.#now)
      }
    }
  }
}

/** The walk past everyone who stands before the given entry, or past the whole line for a newcomer. */
export function walkTo(pool: Pool, id: string, conditions: Conditions): Walk {
  const walk = new Walk(pool, conditions)
  for (const entry of pool.queue) {
    if (entry.id === id || walk.isOver) break
    if (counts(entry, conditions)) walk.letPass(claimOf(entry))
  }
  return walk
}

/** Whether this entry could be served as far as reservations tell; only then is the driver worth asking. */
export function isServable(pool: Pool, entry: QueueEntry, conditions: Conditions): boolean {
  return walkTo(pool, entry.id, conditions).fits(claimOf(entry))
}

/** The place, from 0, of the last entry before this one that waits for the same GPUs and counts; null for none. */
export function lastBefore(pool: Pool, entry: QueueEntry, conditions: Conditions): number | null {
  const walk = new Walk(pool, conditions)
  const wanted = new Set(wantedUnits(pool, entry.request))
  let last: number | null = null
  for (const [place, other] of pool.queue.entries()) {
    if (other.id === entry.id) return last
    const isSame = wantedUnits(pool, other.request).some((unit) => wanted.has(unit))
    if (isSame && counts(other, conditions) && walk.canStart(claimOf(other))) last = place
  }
  return last
}

/** Everyone in line who could be served now, as far as reservations tell. */
export function servableEntries(pool: Pool, conditions: Conditions): readonly string[] {
  const walk = new Walk(pool, conditions)
  const servable: string[] = []
  for (const entry of pool.queue) {
    if (walk.isOver) break
    const claim = claimOf(entry)
    if (counts(entry, conditions) ? walk.letPass(claim) : walk.fits(claim)) servable.push(entry.id)
  }
  return servable
}

/**
 * How far ahead of the given entry the next one stands that could be served and is waited for: 1 is the
 * neighbour. Null where nobody before could be served.
 */
export function distanceToServable(pool: Pool, id: string, conditions: Conditions): number | null {
  const walk = new Walk(pool, conditions)
  let last: number | null = null
  for (const [place, entry] of pool.queue.entries()) {
    if (entry.id === id) return last === null ? null : place - last
    if (!walk.isOver && counts(entry, conditions) && walk.letPass(claimOf(entry))) last = place
  }
  return null
}

/**
 * Who can no longer be served starts a new count when it can be again; but who was passed over stays so until
 * it comes, or everyone would have to wait for it at every turn.
 */
export function forgetUnservable(pool: Pool, conditions: Conditions): Pool {
  return waitedForAgain(
    pool,
    (entry) =>
      entry.startableSince !== undefined &&
      !isPassedOver(entry, conditions.now) &&
      !isServable(pool, entry, conditions),
  )
}

/** Who comes for its GPUs is waited for again, even if it does not get them. */
export function comes(pool: Pool, id: string): Pool {
  return waitedForAgain(pool, (entry) => entry.id === id && entry.startableSince !== undefined)
}

function waitedForAgain(pool: Pool, isMeant: (entry: QueueEntry) => boolean): Pool {
  if (!pool.queue.some(isMeant)) return pool
  const queue = pool.queue.map((entry) => {
    if (!isMeant(entry)) return entry
    const { startableSince: _, ...rest } = entry
    return rest
  })
  return { ...pool, queue }
}

export const claimOf = (entry: QueueEntry): Claim => ({
  request: entry.request,
  uid: entry.owner.account.uid,
  ...(entry.term.duration === undefined ? {} : { duration: entry.term.duration }),
})

export const sizeOf = (request: Request): number =>
  request.kind === 'count' ? request.count : request.ids.length

/** Whether those behind must wait for this entry. */
const counts = (entry: QueueEntry, { now, stopped }: Conditions): boolean =>
  !isPassedOver(entry, now) && !stopped(entry.process)

export const isPassedOver = (entry: QueueEntry, now: Millis): boolean =>
  entry.startableSince !== undefined && now - entry.startableSince >= PASSED_OVER_AFTER_MS

/** When the reservation ends at the latest; infinite where it has no known end. */
export function knownEnd({ term }: Reservation): Millis {
  switch (term.kind) {
    case 'run':
      return term.limit?.killAt ?? Number.POSITIVE_INFINITY
    case 'manual':
      return term.expiresAt
    case 'booking':
    case 'maintenance':
      return term.until ?? Number.POSITIVE_INFINITY
  }
}

/** The known ends of the GPUs that are held, one each. */
function knownEnds(pool: Pool, isMeant: (unit: UnitId) => boolean): readonly Millis[] {
  return pool.reservations.flatMap((reservation) => {
    const end = knownEnd(reservation)
    return end === Number.POSITIVE_INFINITY
      ? []
      : unitsOf(reservation)
          .filter(isMeant)
          .map(() => end)
  })
}

/** The GPUs that it may be given. */
export function wantedUnits(pool: Pool, request: Request): readonly UnitId[] {
  return request.kind === 'ids' ? request.ids : pool.units.map(({ id }) => id)
}

interface Supply {
  readonly free: readonly UnitId[]
  readonly unusable: ReadonlySet<UnitId>
}

const NONE: ReadonlySet<UnitId> = new Set()

function supplyOf(pool: Pool, { now, sight, unusable = NONE }: Conditions): Supply {
  if (sight === undefined) {
    const reserved = reservedUnits(pool)
    const isFree = ({ id }: Unit) => !reserved.has(id) && !unusable.has(id)
    return { free: pool.units.filter(isFree).map(({ id }) => id), unusable }
  }
  const availability = availabilityOf(pool, sight)
  const isUnusable = ({ id, lastUse }: Unit) => {
    if (sight.usage.get(id)?.usage.kind !== 'measured') return true
    const isGivenBack = lastUse === undefined || now - lastUse.endedAt >= GIVING_BACK_MS
    return availability.get(id) === 'occupied' && isGivenBack
  }
  return {
    free: pool.units.filter(({ id }) => availability.get(id) === 'free').map(({ id }) => id),
    unusable: new Set(pool.units.filter(isUnusable).map(({ id }) => id)),
  }
}
