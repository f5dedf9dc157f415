import type { UnitFault } from '../observation/readings.ts'
import type { Booked } from '../pool/bookings.ts'
import type { Booking, Drain, LimitKey, Millis, Requirements, Scope, UnitId } from '../pool/model.ts'

/** The reason for which an operation was refused. `views/words/refusals.ts` makes its text. */
export interface Refusal {
  readonly refused: Reason
}

/** The facts of a refusal, without text. */
export type Reason =
  | Shortage
  /** This pool can never grant the request. */
  | { readonly code: 'impossible'; readonly missing: Missing; readonly managed: readonly UnitId[] }
  | { readonly code: 'no-such-unit'; readonly units: readonly UnitId[] }
  /** None of `requested` was released. */
  | ({ readonly code: 'not-yours'; readonly requested: readonly UnitId[]; readonly now: Millis } & Held)
  /**
   * The wait reached its time limit; `busy` are the holders at that time. `booked`: units without a holder that bookings
   * need too soon. `over`: a limit kept it from starting.
   */
  | {
      readonly code: 'timed-out'
      readonly now: Millis
      readonly busy: readonly Busy[]
      readonly booked?: readonly Booked[]
      readonly over?: { readonly scope: Scope; readonly used: number; readonly most: number }
    }
  | OverLimit
  /** Without `units`: the account has no manual reservation on any unit. */
  | { readonly code: 'nothing-to-extend'; readonly units?: readonly UnitId[] }
  /** An extension would keep these units longer from the administrator who drained them. */
  | { readonly code: 'draining'; readonly draining: readonly Draining[] }
  /** A waiter would be delayed. `earliest`: a later time at which a booking would delay none. */
  | { readonly code: 'promised'; readonly earliest?: Millis }
  | BookedUp
  /** The operation would take the units of these bookings, and there are no others for them. */
  | { readonly code: 'breaks-bookings'; readonly bookings: readonly Booking[] }
  /** The account may not book GPUs. Without a scope: by default. */
  | { readonly code: 'bookings-off'; readonly scope?: Scope }
  /** A booking would begin in the past. */
  | { readonly code: 'past'; readonly from: Millis; readonly now: Millis }
  | Unbookable
  | { readonly code: 'no-such-booking'; readonly id: string }
  /**
   * Bookings need these limits for the whole pool, so that every run has a known end. `on`: where bookings are on, if a
   * limit would be removed.
   */
  | {
      readonly code: 'policy-needs'
      readonly key: 'bookings'
      readonly missing: readonly LimitKey[]
      readonly on?: readonly Scope[]
    }
  /** The process that requested has ended meanwhile. */
  | { readonly code: 'gone' }
  /** The reservation or queue entry belongs to another account. */
  | { readonly code: 'forbidden' }
  | { readonly code: 'nothing-to-claim'; readonly claimable: number; readonly because?: Unclaimable }
  /** The owners of the processes on the units cannot be determined from this process. */
  | { readonly code: 'owners-unknown' }
  | { readonly code: 'already-initialized'; readonly units: number }
  | {
      readonly code: 'too-few-devices'
      readonly asked: number
      readonly shown: number
      readonly provider: string
    }
  /** The driver reports no device for some units of the pool. */
  | {
      readonly code: 'devices-missing'
      readonly units: readonly UnitId[]
      readonly managed: number
      readonly shown: number
    }

/** A limit refuses the request. */
export type OverLimit =
  /** The queue is full for all accounts. */
  | {
      readonly code: 'over-limit'
      readonly limit: 'queue'
      readonly waiting: number
      readonly most: number
    }
  /** The account has too many requests in the queue. `frees`: when one of them leaves it, if that is known. */
  | {
      readonly code: 'over-limit'
      readonly limit: 'account'
      /** Absent: the default. */
      readonly scope?: Scope
      readonly waiting: number
      readonly most: number
      readonly frees?: { readonly at: Millis; readonly now: Millis }
    }
  /** There are too many bookings, of this account or of all. `frees`: when the first of them begins. */
  | {
      readonly code: 'over-limit'
      readonly limit: 'bookings' | 'all-bookings'
      /** Of the account's limit; absent: the default. */
      readonly scope?: Scope
      readonly booked: number
      readonly most: number
      readonly frees?: { readonly at: Millis; readonly now: Millis }
    }
  /** The booking would begin too far in the future. Without a scope: the default. */
  | {
      readonly code: 'over-limit'
      readonly limit: 'ahead'
      readonly scope?: Scope
      readonly asked: Millis
      readonly most: Millis
    }
  /**
   * The account would hold too many units. `frees`: when the limit allows the request, if that is known. `at`: the later
   * time at which it would, with `bookings` of its own.
   */
  | {
      readonly code: 'over-limit'
      readonly limit: 'gpus'
      readonly scope: Scope
      readonly requested: number
      readonly used: number
      readonly most: number
      readonly frees?: { readonly at: Millis; readonly now: Millis }
      readonly at?: Millis
      readonly bookings?: readonly Booking[]
    }
  /** The account would hold the units for too long. */
  | {
      readonly code: 'over-limit'
      readonly limit: 'duration'
      readonly scope: Scope
      readonly asked: Millis
      readonly most: Millis
      /** How long the reservation lasts without the extension; absent for a new request. */
      readonly lasts?: Millis
      /** The part of `asked` that is longer than the usual grace. Absent: none. */
      readonly grace?: Millis
    }

/** Only bookings keep the request from starting now, or an extension would take units from them. */
export interface BookedUp {
  readonly code: 'booked'
  readonly now: Millis
  readonly booked: readonly Booked[]
  /** Of a request: its term, the number of its units, and how many it could have now. */
  readonly term?: 'run' | 'manual'
  readonly requested?: number
  readonly available?: number
  /** The longest time, with the grace of a run, for which the request could start now. Absent: none. */
  readonly longest?: Millis
  /** The part of `longest` that is the grace of a run. */
  readonly grace?: Millis
  /** The duration or time limit that the request gave, without the grace. Absent: the default. */
  readonly asked?: Millis
}

/** There are not enough units for a booking, by the known ends of all others. */
export interface Unbookable {
  readonly code: 'unbookable'
  readonly requested: number
  readonly available: number
  readonly from: Millis
  readonly until: Millis
  readonly now: Millis
  /** Units that are not known to be free at that time. */
  readonly busy: readonly Busy[]
  readonly booked: readonly Booked[]
  readonly draining: readonly Draining[]
  readonly occupied: readonly Occupied[]
  readonly faulty: readonly Faulty[]
  /** A later time at which it would fit: the first that was found. */
  readonly earliest?: Millis
}

/** Not enough units are available now. */
export interface Shortage {
  readonly code: 'short'
  readonly requested: number
  readonly available: number
  /** The requested ids that cannot be granted; empty if a number was requested. */
  readonly taken: readonly UnitId[]
  /** What each unit must have; absent: nothing. */
  readonly requirements?: Requirements
  /** Number of requests that wait before this one. */
  readonly ahead: number
  /** Time of the decision. */
  readonly now: Millis
  readonly busy: readonly Busy[]
  /** Left out because they are in use without a reservation. */
  readonly occupied: readonly Occupied[]
  /** Left out because a booking needs them too soon. */
  readonly booked: readonly Booked[]
  /** Left out because they are drained, with and without a holder. */
  readonly draining: readonly Draining[]
  /** Left out because of a fault. */
  readonly faulty: readonly Faulty[]
  /** Units in whose place the driver reports another GPU. Those without a reservation are in `faulty` too; drained ones are left out. */
  readonly replaced: readonly UnitId[]
}

/** In use without a reservation. */
export interface Occupied {
  readonly unit: UnitId
  readonly users: readonly string[]
}

export interface Faulty {
  readonly unit: UnitId
  readonly fault: UnitFault
}

/** A reserved unit, its owner, and its end if that is known. */
export interface Held {
  readonly unit: UnitId
  readonly owner: string
  readonly until?: Millis
}

export interface Draining {
  readonly unit: UnitId
  readonly drain: Drain
}

export interface Busy extends Held {
  /** Whether the refused account holds it, under its current shown name. */
  readonly own: boolean
}

/** The requested number, the requested ids that the pool does not have, or requirements that too few units meet. */
export type Missing =
  | { readonly kind: 'count'; readonly count: number }
  | {
      readonly kind: 'suitable'
      readonly count: number
      readonly requirements: Requirements
      /** How many units meet the requirements. */
      readonly suitable: number
      readonly models: readonly Model[]
    }
  | { readonly kind: 'ids'; readonly ids: readonly UnitId[] }

/** Equal units of a pool. */
export interface Model {
  readonly name: string
  /** Absent: unknown. */
  readonly memoryMb?: number
  readonly count: number
}

/** Why the account cannot claim a unit that its processes use. */
export type Unclaimable =
  | { readonly kind: 'hidden-process'; readonly pid: number }
  | { readonly kind: 'unexplained-memory'; readonly unit: UnitId; readonly memoryMb: number }

export function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === 'object' && answer !== null && 'refused' in answer
}
