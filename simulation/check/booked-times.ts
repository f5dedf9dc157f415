import type { Booking, Policy, Pool, QueueEntry, Reservation, UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { groupsOf } from '../system/limits.ts'
import { sizeOf, wants } from './requests.ts'

/** A run with the default duration of the pool has this grace. */
const DEFAULT_GRACE = 30_000
/** A run until a booking begins ends this much earlier. */
const BEFORE_BOOKING = 10_000
/** A run until a booking begins needs this much time, and its grace. */
const LEAST_RUN = 60_000

export const bookingsIn = ({ bookings = [] }: Pick<Pool, 'bookings'>): readonly Booking[] => bookings

/** The value of a limit for an account: its own, else the largest of its groups, else the pool's. */
export function limitOf({ limits = [] }: Policy, key: string, uid: number): number | undefined {
  const values = (matches: (limit: (typeof limits)[number]) => boolean) =>
    limits.filter((limit) => limit.key === key && matches(limit)).map(({ value }) => value)
  const own = values(({ scope }) => scope.kind === 'account' && scope.uid === uid)
  const ofGroups = values(({ scope }) => scope.kind === 'group' && groupsOf(uid).includes(scope.gid))
  const ofPool = values(({ scope }) => scope.kind === 'pool')
  return [own, ofGroups, ofPool].filter((found) => found.length > 0).map((found) => Math.max(...found))[0]
}

/** How long a run without a time limit may hold its GPUs. */
export function defaultHold(policy: Policy, uid: number): number {
  const [usual, longest] = ['default-duration', 'max-duration'].map((key) => limitOf(policy, key, uid))
  const after = usual === undefined ? longest : Math.min(usual, longest ?? usual)
  return after === undefined ? Number.POSITIVE_INFINITY : after + DEFAULT_GRACE
}

/** How long a run until a booking begins may hold its GPUs, with this grace. */
function longestUntilBooked(policy: Policy, uid: number, grace: number): number {
  const [usual, longest] = ['default-duration', 'max-duration'].map((key) => limitOf(policy, key, uid))
  if (longest === undefined) return (usual ?? Number.POSITIVE_INFINITY) + grace
  return Math.max(1, longest - Math.max(0, grace - DEFAULT_GRACE)) + grace
}

/** How long the GPUs of a waiter must be free. */
export function neededBy({ policy }: Pool, { term, owner }: Pick<QueueEntry, 'term' | 'owner'>): number {
  if (term.least !== undefined) {
    const longest = term.duration ?? longestUntilBooked(policy, owner.account.uid, term.least - LEAST_RUN)
    return Math.min(term.least, longest) + BEFORE_BOOKING
  }
  return term.duration ?? defaultHold(policy, owner.account.uid)
}

/** The latest known end of a reservation. */
export function endOf({ term }: Reservation): number {
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

/** Whether a booking has the unit at some time of this interval. */
export const isBooked = (pool: Pool, unit: UnitId, from: number, until: number): boolean =>
  bookingsIn(pool).some(
    (booking) => booking.term.from < until && from < booking.term.until && unitsOf(booking).includes(unit),
  )

/** A request that starts at `wall` at the earliest, and needs its units for this long. */
export interface Wish {
  readonly request: QueueEntry['request']
  readonly needed: number
  readonly wall: number
}

/** The time until which known ends and bookings block a request. All other reservations and use may end at once. */
export function earliestStart(
  pool: Pool,
  others: readonly Reservation[],
  { request, needed, wall }: Wish,
): number {
  const busyUntil = new Map<UnitId, number>()
  for (const other of others) {
    const end = endOf(other)
    if (end !== Number.POSITIVE_INFINITY) for (const unit of unitsOf(other)) busyUntil.set(unit, end)
  }
  const wanted = pool.units.filter((unit) => wants(request, unit)).map(({ id }) => id)
  const ends = [...busyUntil.values(), ...bookingsIn(pool).map(({ term }) => term.until)]
  const times = [wall, ...ends.filter((end) => end > wall).sort((a, b) => a - b)]
  const isFree = (unit: UnitId, time: number) =>
    (busyUntil.get(unit) ?? wall) <= time && !isBooked(pool, unit, time, time + needed)
  const found = times.find((time) => wanted.filter((unit) => isFree(unit, time)).length >= sizeOf(request))
  return found ?? Number.POSITIVE_INFINITY
}

/** The most units that are tried. Then the bookings count as kept. */
const MOST_TRIES = 20_000

/** Whether all bookings can have units, by known ends, if a request holds these units until then. */
export function canKeepAll(
  pool: Pool,
  hold: { readonly units: readonly UnitId[]; readonly until: number },
  wall: number,
): boolean {
  const freeFrom = new Map<UnitId, number>(pool.units.map(({ id }) => [id, wall]))
  for (const held of pool.reservations) for (const unit of unitsOf(held)) freeFrom.set(unit, endOf(held))
  for (const unit of hold.units) freeFrom.set(unit, hold.until)
  const bookings = bookingsIn(pool)
  let tries = 0
  const keep = (place: number): boolean => {
    const booking = bookings[place]
    if (booking === undefined || tries > MOST_TRIES) return true
    const { from, until } = booking.term
    const usable = pool.units.filter(
      (unit) => wants(booking.request, unit) && (freeFrom.get(unit.id) ?? from) <= Math.max(from, wall),
    )
    const choose = (at: number, left: number): boolean => {
      if (left === 0) return keep(place + 1)
      for (let next = at; next + left <= usable.length; next++) {
        const unit = usable[next]
        if (unit === undefined) return false
        tries++
        const before = freeFrom.get(unit.id) ?? wall
        freeFrom.set(unit.id, until)
        if (choose(next + 1, left - 1)) return true
        freeFrom.set(unit.id, before)
      }
      return false
    }
    return choose(0, sizeOf(booking.request))
  }
  return keep(0)
}
