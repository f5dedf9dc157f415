import { CanhazgpuError } from '../errors.ts'
import { availabilityOf, type Sight } from '../observation/allocation.ts'
import { replacedIn } from '../observation/usage.ts'
import type {
  Account,
  ManualTerm,
  Millis,
  Owner,
  Pool,
  ProcessIdentity,
  QueueEntry,
  Request,
  Reservation,
  RunTerm,
  Term,
  UnitId,
} from '../pool/model.ts'
import { hasUnit, wholeUnits } from '../pool/units.ts'
import { type Demand, sizeOf } from '../schedule/demand.ts'
import type { Openings } from '../schedule/openings.ts'
import { type Conditions, openingsFor } from '../schedule/startable.ts'
import { forgetUnstartable } from '../schedule/unresponsive.ts'

/** Who wants which GPUs for what. Ids are made by the caller, so that the decision stays pure. */
export interface Intent {
  /** Of the reservation to be, and of the queue entry before it. */
  readonly id: string
  readonly request: Request
  readonly owner: Owner
  readonly note?: string
  readonly term: RequestedTerm
}

export type RequestedTerm = RequestedRun | RequestedManual

export interface RequestedRun extends Pick<RunTerm, 'kind' | 'process' | 'command'> {
  readonly timeout?: { readonly after: Millis; readonly grace: Millis }
}

export interface RequestedManual extends Pick<ManualTerm, 'kind'> {
  readonly duration: Millis
}

/** Why a request could not be granted. */
export interface Shortage {
  readonly requested: number
  readonly available: number
  /** GPUs left out because someone uses them without a reservation. */
  readonly occupied: number
  /** GPUs left out because of a fault. */
  readonly faulty: number
  /** How many of these have another GPU in their place. */
  readonly replaced: number
  /** How many stand in line before this request. */
  readonly ahead: number
  /** The requested GPUs that are not to be had, where certain ones were asked for. */
  readonly taken: readonly UnitId[]
}

export type Acquisition =
  | { readonly kind: 'granted'; readonly reservation: Reservation }
  | { readonly kind: 'refused'; readonly shortage: Shortage }

export interface Acquired {
  readonly pool: Pool
  readonly result: Acquisition
}

/** The conditions of a decision that was made by what the driver shows. */
export interface SeenConditions extends Conditions {
  readonly sight: Sight
}

/**
 * Grants all that is asked for, or nothing: the pool is then the one that was given. Nobody who stands in
 * line before is delayed; who stands nowhere comes after everyone. A grant takes its entry out of the line.
 */
export function acquire(pool: Pool, intent: Intent, seen: SeenConditions): Acquired {
  const openings = openingsFor(pool, intent.id, seen)
  const units = openings.choices(demandIn(intent)).slice(0, sizeOf(intent.request))
  if (units.length < sizeOf(intent.request)) {
    return { pool, result: { kind: 'refused', shortage: shortageOf(pool, intent, seen.sight, openings) } }
  }
  const reservation = reservationOf(intent, units, seen.now)
  const after = {
    ...pool,
    reservations: [...pool.reservations, reservation],
    queue: pool.queue.filter((entry) => entry.id !== intent.id),
  }
  // These units are taken, so waiters that could have used them get a fresh grace period.
  const { now, stopped } = seen
  return { pool: forgetUnstartable(after, { now, stopped }), result: { kind: 'granted', reservation } }
}

/** Whether it could be granted now as far as reservations tell; only then is the driver worth asking. */
export function canStart(pool: Pool, intent: Intent, conditions: Conditions): boolean {
  return openingsFor(pool, intent.id, conditions).fits(demandIn(intent))
}

/** Where a waiter waits, and for how long at most. */
export interface Ticket {
  readonly process: ProcessIdentity
  readonly waitFor?: Millis
}

/** So that nobody fills the pool, which every command reads and every waiter watches. */
export const MOST_ENTRIES_PER_ACCOUNT = 256

/** Room for many accounts. The time to plan the queue grows with the square of its length. */
export const MOST_ENTRIES = 4_096

/** Puts the intent at the end of the line, unless it stands in it already. Throws `too-many-waiting`. */
export function joinLine(pool: Pool, intent: Intent, ticket: Ticket, now: Millis): Pool {
  if (pool.queue.some((entry) => entry.id === intent.id)) return pool
  const { id, owner, request, note, term } = intent
  checkRoom(pool, owner.account)
  const duration = longestHold(term)
  const entry: QueueEntry = {
    id,
    owner,
    request,
    term: { kind: term.kind, ...(duration === undefined ? {} : { duration }) },
    process: ticket.process,
    joinedAt: now,
    heartbeatAt: now,
    ...(ticket.waitFor === undefined ? {} : { waitUntil: now + ticket.waitFor }),
    ...(note === undefined ? {} : { note }),
  }
  return { ...pool, queue: [...pool.queue, entry] }
}

/** In user namespaces of one's own anybody can show any uid: all of them together have the room of one account. */
function checkRoom({ queue }: Pool, { uid, userNamespace }: Account): void {
  const isOwn = ({ owner: { account } }: QueueEntry) =>
    userNamespace === undefined
      ? account.userNamespace === undefined && account.uid === uid
      : account.userNamespace !== undefined
  const own = queue.filter(isOwn).length
  if (own < MOST_ENTRIES_PER_ACCOUNT) {
    if (queue.length < MOST_ENTRIES) return
    throw new CanhazgpuError('too-many-waiting', `The queue is full: ${queue.length} requests wait already`, {
      hint: "see 'canhazgpu queue' for whose they are",
    })
  }
  throw new CanhazgpuError(
    'too-many-waiting',
    `Your account has ${own} requests in the queue already, and at most ${MOST_ENTRIES_PER_ACCOUNT} may wait`,
    { hint: "try again when some of them are served or stopped: see 'canhazgpu queue'" },
  )
}

export function leaveLine(pool: Pool, id: string): Pool {
  const queue = pool.queue.filter((entry) => entry.id !== id)
  return queue.length === pool.queue.length ? pool : { ...pool, queue }
}

/** Whether this pool can ever grant it. */
export function isPossible(request: Request, { units }: Pick<Pool, 'units'>): boolean {
  if (request.kind === 'count') return request.count <= units.length
  return request.ids.every((id) => units.some((unit) => unit.id === id))
}

/** Throws `impossible-request` for what this pool can never grant, however long one waits. */
export function checkPossible(pool: Pool, request: Request): void {
  const count = pool.units.length
  const [first, last] = [pool.units[0]?.id, pool.units.at(-1)?.id]
  const ids = count === 1 ? `GPU (ID ${first})` : `GPUs (IDs ${first} to ${last})`
  const refuse = (what: string): never => {
    throw new CanhazgpuError('impossible-request', `${what}: this pool has ${count} ${ids}`, {
      hint: "see 'canhazgpu status' for the GPUs of this machine",
    })
  }
  switch (request.kind) {
    case 'count':
      if (request.count > count) refuse(`Cannot reserve ${request.count} GPUs`)
      return
    case 'ids': {
      const unknown = request.ids.filter((id) => !hasUnit(pool, id))
      if (unknown.length > 0) refuse(`No such GPU: ${unknown.join(', ')}`)
    }
  }
}

function demandIn({ request, owner, term }: Intent): Demand {
  const duration = longestHold(term)
  return { request, uid: owner.account.uid, ...(duration === undefined ? {} : { duration }) }
}

/** For how long the units would be held at most; undefined: without a limit. */
function longestHold(term: RequestedTerm): Millis | undefined {
  if (term.kind === 'manual') return term.duration
  return term.timeout === undefined ? undefined : term.timeout.after + term.timeout.grace
}

function shortageOf(pool: Pool, intent: Intent, sight: Sight, openings: Openings): Shortage {
  const availability = availabilityOf(pool, sight)
  const countOf = (wanted: string) => [...availability.values()].filter((each) => each === wanted).length
  const usable = openings.choices(demandIn(intent))
  const place = pool.queue.findIndex((entry) => entry.id === intent.id)
  return {
    requested: sizeOf(intent.request),
    available: usable.length,
    occupied: countOf('occupied'),
    faulty: countOf('faulty'),
    replaced: replacedIn(sight.usage),
    ahead: place < 0 ? pool.queue.length : place,
    taken: intent.request.kind === 'ids' ? intent.request.ids.filter((id) => !usable.includes(id)) : [],
  }
}

function reservationOf(intent: Intent, units: readonly UnitId[], now: Millis): Reservation {
  const { id, owner, note, term } = intent
  return {
    id,
    owner,
    holdings: wholeUnits(units),
    startedAt: now,
    ...(note === undefined ? {} : { note }),
    term: grantedTerm(term, now),
  }
}

function grantedTerm(term: RequestedTerm, now: Millis): Term {
  switch (term.kind) {
    case 'run': {
      const { kind, process, command, timeout } = term
      const run = { kind, process, heartbeatAt: now, command }
      if (timeout === undefined) return run
      const interruptAt = now + timeout.after
      return { ...run, limit: { interruptAt, killAt: interruptAt + timeout.grace } }
    }
    case 'manual':
      return { kind: term.kind, expiresAt: now + term.duration }
  }
}
