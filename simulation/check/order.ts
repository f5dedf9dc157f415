import type { Pool, Probe, QueueEntry, Request, Reservation, UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { type Audit, canSee, isSeenStopped } from './books.ts'
import { apparentAge } from './frame.ts'
import { looksFree, shownOf } from './looks.ts'

export const PASSED_OVER_AFTER = 10_000
/** How long who was passed over may take to come when it can. */
const BACK_AFTER = 15_000

export interface Granted {
  readonly reservation: Reservation
  /** All others that stand. */
  readonly others: readonly Reservation[]
  /** The units that could be granted before this grant. */
  readonly free: readonly UnitId[]
}

/**
 * I5. Nobody who stands before may be delayed by a grant. It does not delay
 * (a) one who wants none of the granted GPUs;
 * (b) one who could not start before the grant is over by its own declaration, since reservations whose end
 *     is known keep it from starting until then;
 * (c) one without a declared end, where (b) holds for somebody still further ahead who is waiting for those
 *     very GPUs: as the line stands it cannot go before that one;
 * (d) those who can be served all together from what the grant leaves free.
 * One who could have been served for ten seconds and did not come is passed over, until it comes. One who is seen
 * to be stopped is passed over at once, until it continues; and so is one who could not start even if all reservations
 * ended, because too many GPUs look unusable. One that died since the decision was made is not delayed any more.
 */
export function auditOrder(audit: Audit, granted: Granted): void {
  const { moment, report } = audit
  const { reservation, free } = granted
  const seen = { after: audit.after, shown: audit.process.shown, wall: moment.wall }
  const waiting = before(audit, reservation.id).filter(
    (entry) =>
      !isSeenStopped(audit, entry.id) &&
      !isBlocked(seen, entry) &&
      (!isPassedOver(entry, moment.wall) || isLongBack(audit, entry)),
  )
  if (waiting.length === 0) return
  const now = moment.wall
  const given = unitsOf(reservation)
  const end = endOf(reservation)
  const starts = waiting.map((entry) => earliestStart(audit, entry.request, granted))
  const contenders = waiting.filter((entry, at) => {
    // It still keeps GPUs from those behind it where the deciding process cannot see that it is dead.
    if (isDead(audit, entry.id)) return false
    const touched = given.filter((unit) => wants(entry.request, unit))
    if (touched.length === 0) return false
    if (end <= (starts[at] ?? now)) return false
    const isKept = (unit: UnitId) =>
      waiting.slice(0, at).some((ahead, i) => wants(ahead.request, unit) && end <= (starts[i] ?? now))
    return !(entry.term.duration === undefined && touched.every(isKept))
  })
  const left = free.filter((unit) => !given.includes(unit))
  if (!areServedTogether(contenders, left)) {
    report('I5', () => `${reservation.id} with GPU ${given.join()} delays ${words(contenders)}`)
  }
}

/** I5 when somebody extends a reservation: the first that is not stopped must not have to wait longer for it. */
export function auditExtension(audit: Audit): void {
  const { before: pool, after, report } = audit
  const first = after.queue.find(({ id }) => !isSeenStopped(audit, id))
  if (audit.process.errand.kind !== 'extend' || pool === null || first === undefined) return
  const extended = after.reservations.map((reservation) => {
    const earlier = audit.books.held.get(reservation.id)?.expiry
    const { term } = reservation
    if (earlier === undefined || term.kind !== 'manual') return reservation
    return {
      ...reservation,
      term: { ...term, expiresAt: audit.moment.wall - apparentAge(earlier, audit.now) },
    }
  })
  const promised = earliestStart(audit, first.request, { others: extended })
  const now = earliestStart(audit, first.request, { others: after.reservations })
  if (now > promised + 0.5)
    report('I5', () => `${first.id} has to wait ${now - promised} ms longer by an extension`)
}

const isDead = ({ books }: Audit, id: string): boolean => books.waiting.get(id)?.process.isAlive === false

/** A GPU given back less than this ago may still show what its last holder used. */
const GIVING_BACK = 10_000

/** Whether it could not start even if all reservations ended, by what a process was shown until that time. */
export function isBlocked(
  { after, shown, wall }: { readonly after: Pool; readonly shown: Probe | undefined; readonly wall: number },
  { request }: QueueEntry,
): boolean {
  const held = new Set(after.reservations.flatMap(unitsOf))
  const usable = after.units.filter(({ id, lastUse }) => {
    if (!wants(request, id)) return false
    if (shownOf(after, id, shown)?.state.kind !== 'measured') return false
    if (held.has(id) || looksFree(after, id, shown)) return true
    return lastUse !== undefined && wall - lastUse.endedAt < GIVING_BACK
  })
  return usable.length < sizeOf(request)
}

export const isPassedOver = (entry: QueueEntry, now: number): boolean =>
  entry.startableSince !== undefined && entry.startableSince + PASSED_OVER_AFTER <= now

/**
 * One who was passed over and can come again, for so long that it must have done so; unless it waits for one before it
 * of whom it cannot see that it is stopped.
 */
function isLongBack(audit: Audit, { id }: QueueEntry): boolean {
  const { books, machine, after } = audit
  const process = books.waiting.get(id)?.process
  if (process?.state !== 'running' || machine.mood.kind !== 'fine') return false
  const place = after.queue.findIndex((entry) => entry.id === id)
  const ahead = after.queue.slice(0, place).map((entry) => books.waiting.get(entry.id)?.process)
  if (ahead.some((each) => each?.state === 'stopped' && !canSee(process, each))) return false
  const works = Math.max(process.awakeSince, machine.mood.since, machine.stored.troubledUntil)
  return machine.scheduler.now - works > BACK_AFTER
}

/** Those who stood before the one that was granted; a newcomer stood behind everyone. */
function before({ before: pool, after }: Audit, id: string): readonly QueueEntry[] {
  const place = pool?.queue.findIndex((entry) => entry.id === id) ?? -1
  if (pool === null || place < 0) return after.queue
  const ahead = new Set(pool.queue.slice(0, place).map((entry) => entry.id))
  return after.queue.filter((entry) => ahead.has(entry.id))
}

function endOf({ term }: Reservation): number {
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

/** The moment before which known ends keep a request from starting; everything else may end this instant. */
function earliestStart(
  { after, moment }: Audit,
  request: Request,
  { others }: Pick<Granted, 'others'>,
): number {
  const busyUntil = new Map<UnitId, number>()
  for (const other of others) {
    const end = endOf(other)
    if (end !== Number.POSITIVE_INFINITY) for (const unit of unitsOf(other)) busyUntil.set(unit, end)
  }
  const times = after.units
    .filter(({ id }) => wants(request, id))
    .map(({ id }) => busyUntil.get(id) ?? moment.wall)
    .sort((a, b) => a - b)
  return Math.max(moment.wall, times[sizeOf(request) - 1] ?? moment.wall)
}

function areServedTogether(entries: readonly QueueEntry[], free: readonly UnitId[]): boolean {
  const left = new Set(free)
  let counted = 0
  for (const { request } of entries) {
    if (request.kind === 'count') counted += request.count
    else for (const id of request.ids) if (!left.delete(id)) return false
  }
  return counted <= left.size
}

export const wants = (request: Request, unit: UnitId): boolean =>
  request.kind === 'count' || request.ids.includes(unit)

export const sizeOf = (request: Request): number =>
  request.kind === 'count' ? request.count : request.ids.length

const words = (entries: readonly QueueEntry[]): string => JSON.stringify(entries)
