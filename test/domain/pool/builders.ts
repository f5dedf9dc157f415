import type {
  Booking,
  BookingTerm,
  MaintenanceTerm,
  ManualReservation,
  ManualTerm,
  Millis,
  Moment,
  Owner,
  Pool,
  ProcessIdentity,
  QueueEntry,
  Request,
  Reservation,
  RunReservation,
  RunTerm,
  Term,
  Unit,
  WantedTerm,
} from '../../../src/domain/pool/model.ts'
import { gpuUnit, wholeUnits } from '../../../src/domain/pool/units.ts'

/** These functions build values of a pool, with defaults for the parts that a test omits. GPUs are given by number. */

const HOUR: Millis = 3_600_000

/** A moment of 2026; the machine has been up for a day. */
export const NOON: Moment = { wall: Date.UTC(2026, 2, 1, 12), steady: { epoch: 'boot-1', ms: 86_400_000 } }

export function poolOf(units: readonly Unit[], parts: Partial<Pool> = {}): Pool {
  return {
    host: 'box',
    provider: 'fake',
    units,
    reservations: [],
    queue: [],
    policy: { allocation: 'lru' },
    writtenAt: NOON,
    ...parts,
  }
}

/** A whole GPU that was never used. */
export const unit = (number: number, parts: Partial<Unit> = {}): Unit => ({
  id: gpuUnit(number),
  device: { uuid: `GPU-${number}`, name: 'Fake GPU' },
  shape: { kind: 'gpu' },
  ...parts,
})

/** The first `count` GPUs, never used. */
export const units = (count: number): Unit[] => Array.from({ length: count }, (_, number) => unit(number))

export const owner = (uid: number, name: string, shownName = name): Owner => ({
  account: { uid, name },
  shownName,
})

export const ALICE = owner(1000, 'alice')

export const identity = (pid: number, bootId = 'boot-1'): ProcessIdentity => ({
  pid,
  startTime: pid * 10,
  bootId,
  pidNamespace: '4026531836',
})

interface ReservationParts {
  readonly id?: string
  readonly units?: readonly number[]
  readonly owner?: Owner
  readonly startedAt?: Millis
  readonly note?: string
}

type TermParts<T extends Term> = Partial<Omit<T, 'kind'>>

function reservationOf<T extends Term>(parts: ReservationParts, term: T): Reservation<T> {
  const { units = [0], ...rest } = parts
  const holdings = wholeUnits(units.map(gpuUnit))
  return { id: term.kind, owner: ALICE, holdings, startedAt: NOON.wall - HOUR, ...rest, term }
}

export function runOf(parts: ReservationParts & TermParts<RunTerm> = {}): RunReservation {
  const { process = identity(10), heartbeatAt = NOON.wall, command = 'train', limit, ...rest } = parts
  const term: RunTerm = { kind: 'run', process, heartbeatAt, command }
  return reservationOf(rest, limit === undefined ? term : { ...term, limit })
}

export function manualOf(parts: ReservationParts & TermParts<ManualTerm> = {}): ManualReservation {
  const { expiresAt = NOON.wall + HOUR, ...rest } = parts
  return reservationOf(rest, { kind: 'manual', expiresAt })
}

/** A booking that has begun. */
export function bookingOf(parts: ReservationParts & TermParts<BookingTerm> = {}): Reservation<BookingTerm> {
  const { from = NOON.wall - HOUR, until = NOON.wall + HOUR, ...rest } = parts
  return reservationOf(rest, { kind: 'booking', from, until })
}

/** A booking of exactly these units that has not begun. */
export function bookedOf(parts: Partial<Omit<Booking, 'term'>> & BookedParts = {}): Booking {
  const { units = [0], from = NOON.wall + HOUR, until = from + HOUR, request, ...rest } = parts
  return {
    ...{ id: 'booked', owner: ALICE, request: request ?? theseUnits(...units), bookedAt: NOON.wall },
    holdings: wholeUnits(units.map(gpuUnit)),
    ...rest,
    term: { kind: 'booking', from, until },
  }
}

interface BookedParts {
  readonly units?: readonly number[]
  readonly from?: Millis
  readonly until?: Millis
}

/** Without `until` it lasts until the GPUs are restored. */
export function maintenanceOf(
  parts: ReservationParts & TermParts<MaintenanceTerm> = {},
): Reservation<MaintenanceTerm> {
  const { from = NOON.wall - HOUR, until, ...rest } = parts
  const term: MaintenanceTerm = { kind: 'maintenance', from }
  return reservationOf(rest, until === undefined ? term : { ...term, until })
}

export const someUnits = (count: number): Request => ({ kind: 'count', count })

export const theseUnits = (...numbers: number[]): Request => ({ kind: 'ids', ids: numbers.map(gpuUnit) })

/** A waiter that wants one GPU for a run. */
export function waiterOf(parts: Partial<Omit<QueueEntry, 'term'> & WantedTerm> = {}): QueueEntry {
  const { kind = 'run', duration, ...rest } = parts
  return {
    id: 'waiter',
    owner: ALICE,
    request: someUnits(1),
    term: duration === undefined ? { kind } : { kind, duration },
    process: identity(20),
    joinedAt: NOON.wall,
    heartbeatAt: NOON.wall,
    ...rest,
  }
}
