import type { Observation } from '../observation/observation.ts'
import type { Reading } from '../observation/obstacles.ts'
import type {
  Account,
  ManualReservation,
  Millis,
  Moment,
  Policy,
  Pool,
  ProviderName,
  Unit,
  UnitId,
  UsageRecord,
} from '../pool/model.ts'
import type { ProcessCheck } from '../pool/process-check.ts'
import type { Grant, Intent, Ticket } from './intent.ts'
import type { Refusal } from './refusal.ts'

/** Everything that can happen to a pool, as values: what each needs to be told, by its name. */
export interface Operations {
  /** Grants now; else, with `wait`, joins the queue; else refuses. Needs an observation. */
  readonly acquire: { readonly intent: Intent; readonly wait?: Ticket }
  /**
   * Reserves units that only the actor's own processes use already: with `certain` those requested, or as many of them;
   * else all there are. Needs an observation.
   */
  readonly claim: { readonly intent: Intent; readonly certain: boolean }
  /** Into the queue without asking the driver. */
  readonly join: { readonly intent: Intent; readonly wait: Ticket }
  /** A waiter gives up: its entry goes, and so does a grant of the last moment. */
  readonly leave: { readonly id: string }
  /** A run or a waiter reports that it lives. */
  readonly heartbeat: { readonly id: string }
  /** The reservation ends with this outcome, whatever the kernel answers about its process. */
  readonly end: { readonly id: string; readonly outcome: 'released' | 'exited' | 'timed-out' }
  /** Without `units`: all manual reservations of the actor. */
  readonly release: { readonly units?: readonly UnitId[] }
  /** Moves the ends of the actor's manual reservations: of those on these units, or of all. */
  readonly extend: { readonly by: Millis; readonly units?: readonly UnitId[] }
  /** Adopts the devices that the driver shows. Needs an observation. */
  readonly 'adopt-devices': object
  /** Changes the rules that are named; reservations stay. */
  readonly 'set-policy': { readonly policy: Partial<Policy> }
  readonly 'set-up': NewPool
  /** Only ends what is over. */
  readonly settle: object
}

export interface NewPool extends Pick<Pool, 'host' | 'units'> {
  readonly provider: ProviderName
  /** The rules that are named; the others stay as an existing pool has them. */
  readonly policy: Partial<Policy>
  /** Replaces an existing pool: its reservations end, its queue stays as far as it can. */
  readonly force: boolean
  /** What could be read of a damaged store that this pool replaces. */
  readonly salvaged?: { readonly pool: Pool | null; readonly records: readonly UsageRecord[] }
}

/** What each operation answers where it is not refused. */
export interface Answers {
  readonly acquire: Acquired
  readonly claim: Grant
  readonly join: null
  readonly leave: null
  /** The units that the reservation still has; none for a queue entry. */
  readonly heartbeat: readonly UnitId[]
  readonly end: null
  /** The units that were released, in order. */
  readonly release: readonly UnitId[]
  readonly extend: readonly ManualReservation[]
  /** The units that changed. */
  readonly 'adopt-devices': readonly Unit[]
  readonly 'set-policy': Policy
  readonly 'set-up': { readonly kind: 'initialized' | 'reinitialized' }
  readonly settle: null
}

export type Acquired =
  | { readonly kind: 'granted'; readonly grant: Grant }
  /** It waits, because of what this reading shows. */
  | { readonly kind: 'queued'; readonly reading: Reading }

export type OperationName = keyof Operations

export type Operation<Name extends OperationName = OperationName> = {
  readonly [Each in Name]: { readonly op: Each } & Operations[Each]
}[Name]

/** Who performs an operation, and when; what the kernel and the driver answer. */
export interface Context {
  readonly actor: Account
  readonly now: Moment
  readonly processes: ProcessCheck
  readonly observed?: Observation
}

/** The pool and the records after an operation, whom to wake, and the answer. */
export interface Step<Answer> {
  readonly pool: Pool
  readonly records: readonly UsageRecord[]
  /** Ids of the queue entries that could start in the new pool, as far as reservations tell. */
  readonly wake: readonly string[]
  readonly answer: Answer | Refusal
}

/** What a handler does to a settled pool. */
export interface Done<Answer> {
  readonly pool: Pool
  readonly records?: readonly UsageRecord[]
  readonly answer: Answer | Refusal
}
