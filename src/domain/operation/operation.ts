import type { AuditRecord } from '../ledger/audit.ts'
import type { DaySum } from '../ledger/day-sums.ts'
import type { Observation } from '../observation/observation.ts'
import type { Reading } from '../observation/obstacles.ts'
import type { TakenOver } from '../original/take-over.ts'
import type { PolicyChange } from '../policy/change.ts'
import type {
  Account,
  Booking,
  BookingTerm,
  ManualTerm,
  Millis,
  Moment,
  Policy,
  Pool,
  ProviderName,
  Reservation,
  Unit,
  UnitId,
  UsageRecord,
} from '../pool/model.ts'
import type { ProcessCheck } from '../pool/process-check.ts'
import type { BookingIntent, Grant, Intent, Ticket } from './intent.ts'
import type { Held, Refusal } from './refusal.ts'

/** All operations on a pool, by name, with their parameters. */
export interface Operations {
  /** Grants now. Otherwise joins the queue (with `wait`) or refuses. Needs an observation. */
  readonly acquire: { readonly intent: Intent; readonly wait?: Ticket }
  /**
   * Reserves units that only the actor's processes use. With `exact`: exactly the requested ids or number. Without: all
   * such units. Needs an observation.
   */
  readonly claim: { readonly intent: Intent; readonly exact: boolean }
  /** Joins the queue without a probe. */
  readonly join: { readonly intent: Intent; readonly wait: Ticket }
  /** A waiter gives up: removes its entry, and ends its reservation if it was granted meanwhile. */
  readonly leave: { readonly id: string }
  /** A run or a waiter reports that it is alive. */
  readonly heartbeat: { readonly id: string }
  /** Ends the reservation with this outcome, whatever the kernel answers about its process. */
  readonly end: { readonly id: string; readonly outcome: 'released' | 'exited' | 'timed-out' }
  /** Without `units`: releases all manual reservations of the actor. */
  readonly release: { readonly units?: readonly UnitId[] }
  /** Moves the ends of the actor's manual reservations: those on `units`, or all. */
  readonly extend: { readonly by: Millis; readonly units?: readonly UnitId[] }
  /** Promises units for a later time. Needs an observation. */
  readonly book: { readonly intent: BookingIntent }
  /** Cancels a booking; ends it if it has begun. Ends any other reservation with this id. */
  readonly cancel: { readonly id: string }
  /** Stores the devices that the driver reports. Needs an observation. */
  readonly 'adopt-devices': object
  /** Takes units out of service. A drained unit stays drained. */
  readonly drain: { readonly units: readonly UnitId[]; readonly reason?: string }
  /** Returns drained units to service. */
  readonly restore: { readonly units: readonly UnitId[]; readonly reason?: string }
  /** Sets one rule; reservations stay. */
  readonly 'set-policy': { readonly change: PolicyChange; readonly reason?: string }
  readonly 'set-up': NewPool
  /**
   * Only removes reservations and queue entries that have ended. With an observation it begins the bookings that are due.
   */
  readonly settle: object
}

export interface NewPool extends Pick<Pool, 'host' | 'units'> {
  readonly provider: ProviderName
  /** The given rules; an existing pool keeps its other rules. */
  readonly policy: Partial<Pick<Policy, 'allocation' | 'memoryThresholdMb'>>
  /** Replaces an existing pool: its reservations end; queue entries stay if the new pool can grant them. */
  readonly force: boolean
  /** The readable part of a damaged store that this pool replaces. */
  readonly salvaged?: {
    readonly pool: Pool | null
    readonly records: readonly UsageRecord[]
    readonly sums: readonly DaySum[]
    readonly audit: readonly AuditRecord[]
  }
  /** From a pool of another program. */
  readonly imported?: TakenOver
}

/** The answer of each operation if it is not refused. */
export interface Answers {
  readonly acquire: Acquired
  readonly claim: Grant
  readonly join: null
  readonly leave: null
  /** The units that the reservation still holds; none for a queue entry. */
  readonly heartbeat: readonly UnitId[]
  readonly end: null
  /** The units that were released, in order. */
  readonly release: readonly UnitId[]
  readonly extend: readonly ExtendedReservation[]
  readonly book: Booking
  readonly cancel: Cancelled
  /** The units that changed. */
  readonly 'adopt-devices': readonly Unit[]
  /** The units that changed, and the requested ones that have a holder. */
  readonly drain: { readonly changed: readonly UnitId[]; readonly held: readonly Held[] }
  /** The units that changed. */
  readonly restore: readonly UnitId[]
  readonly 'set-policy': Policy
  /** `lost`: bookings that the new pool cannot keep; absent if there are none. */
  readonly 'set-up': {
    readonly kind: 'initialized' | 'reinitialized'
    readonly lost?: readonly Booking[]
  }
  readonly settle: null
}

export type ExtendedReservation = Reservation<ManualTerm | BookingTerm>

export type Cancelled =
  | { readonly kind: 'cancelled'; readonly booking: Booking }
  /** The units of a reservation. */
  | { readonly kind: 'released'; readonly units: readonly UnitId[] }
  /** A daemon that was asked again after a lost answer has nothing with this id: it has ended. */
  | { readonly kind: 'ended' }

export type Acquired =
  | { readonly kind: 'granted'; readonly grant: Grant }
  /** The reading explains the wait. */
  | { readonly kind: 'queued'; readonly reading: Reading }

export type OperationName = keyof Operations

/** The operations on an existing pool. */
export type PoolOperationName = Exclude<OperationName, 'set-up'>

export type Operation<Name extends OperationName = OperationName> = {
  readonly [Each in Name]: { readonly op: Each } & Operations[Each]
}[Name]

/** The actor and time of an operation, and the answers of kernel and driver. */
export interface Context {
  readonly actor: Account
  /** The account that logged in, if that is another one. It is only recorded. */
  readonly login?: Account
  /** The Unix groups of the actor. */
  readonly groups?: readonly number[]
  readonly now: Moment
  readonly processes: ProcessCheck
  readonly observed?: Observation
}

/** The result of an operation: pool, records of usage and of an administrator's changes, waiters to wake, and answer. */
export interface Step<Answer> {
  readonly pool: Pool
  readonly records: readonly UsageRecord[]
  readonly audit?: readonly AuditRecord[]
  /** Sums of a replaced store whose records are no longer kept. */
  readonly sums?: readonly DaySum[]
  /** Ids of the queue entries that can start in the new pool, judged by reservations and queue alone. */
  readonly wake: readonly string[]
  readonly answer: Answer | Refusal
}

/** The result of a handler on a settled pool. */
export interface Done<Answer> {
  readonly pool: Pool
  readonly records?: readonly UsageRecord[]
  /** What an administrator changed. */
  readonly audit?: readonly AuditRecord[]
  readonly sums?: readonly DaySum[]
  readonly answer: Answer | Refusal
}
