import type { Account, Policy, Pool, QueueEntry, Reservation, UnitId } from '../../src/domain/pool/model.ts'
import { bookingsIn, endOf, limitOf } from './booked-times.ts'
import { sizeOf, wants } from './requests.ts'
import type { Audit } from './truth.ts'

/** The most GPUs of an account: its own limit, else the largest of its groups, else the pool's. */
export const mostFor = (policy: Policy, { uid }: Account): number =>
  limitOf(policy, 'max-gpus', uid) ?? Number.POSITIVE_INFINITY

/** The GPUs that an account has, with all that it has booked: it never has more at one time. */
export function heldBy({ uid }: Account, pool: Pick<Pool, 'reservations' | 'bookings'>): number {
  return [...pool.reservations, ...bookingsIn(pool)]
    .filter(({ owner }) => owner.account.uid === uid)
    .reduce((sum, { holdings }) => sum + holdings.length, 0)
}

/** The most GPUs that an account has at one time of this interval, by known ends. What missed its end stays. */
export function peakOf(pool: Pool, { uid }: Account, { wall, from, until }: Interval): number {
  const held = pool.reservations
    .filter(({ owner }) => owner.account.uid === uid)
    .map((each) => ({ end: endOf(each), units: each.holdings.length }))
    .map(({ end, units }) => ({
      ...{ from: Number.NEGATIVE_INFINITY, until: end > wall ? end : Number.POSITIVE_INFINITY, units },
    }))
  const booked = bookingsIn(pool)
    .filter(({ owner }) => owner.account.uid === uid)
    .map(({ term, holdings }) => ({ from: term.from, until: term.until, units: holdings.length }))
  const uses = [...held, ...booked]
  const times = [from, ...booked.map((use) => use.from).filter((time) => from < time && time < until)]
  const sumAt = (time: number) =>
    uses.reduce((sum, use) => sum + (use.from <= time && time < use.until ? use.units : 0), 0)
  return Math.max(...times.map(sumAt))
}

interface Interval {
  readonly wall: number
  readonly from: number
  readonly until: number
}

/** Whether its limit may keep the entry from starting once its account holds `more` GPUs. Bookings count, whenever they begin. */
export function isOverLimit(
  pool: Pick<Pool, 'policy' | 'reservations' | 'bookings'>,
  { owner: { account }, request }: Pick<QueueEntry, 'owner' | 'request'>,
  more = 0,
): boolean {
  return heldBy(account, pool) + more + sizeOf(request) > mostFor(pool.policy, account)
}

/**
 * The entries without those that their limit keeps from starting. An earlier entry of the account counts if enough of
 * its GPUs are free.
 */
export function withinLimits(
  pool: Pick<Pool, 'policy' | 'reservations' | 'bookings' | 'units'>,
  entries: readonly QueueEntry[],
  free: readonly UnitId[],
): readonly QueueEntry[] {
  const { policy, units } = pool
  const started = new Map<number, number>()
  return entries.filter(({ owner: { account }, request }) => {
    const held = (started.get(account.uid) ?? heldBy(account, pool)) + sizeOf(request)
    if (held > mostFor(policy, account)) return false
    const usable = units.filter((unit) => free.includes(unit.id) && wants(request, unit))
    const couldStart = usable.length >= sizeOf(request)
    if (couldStart) started.set(account.uid, held)
    return true
  })
}

/** No grant takes an account beyond its limit, now or later with its bookings. */
export function auditLimit({ after, moment, report }: Audit, reservation: Reservation): void {
  const { id, owner } = reservation
  const interval = { wall: moment.wall, from: moment.wall, until: endOf(reservation) }
  const [held, most] = [peakOf(after, owner.account, interval), mostFor(after.policy, owner.account)]
  if (held > most)
    report('limit', () => `${id} gives ${owner.account.name} ${held} GPUs, the limit is ${most}`)
}
