import { capOf, type Subject } from '../policy/limits.ts'
import type {
  BookingTerm,
  ManualTerm,
  Millis,
  Owner,
  Pool,
  ProcessIdentity,
  ProviderName,
  Request,
  Reservation,
  RunTerm,
} from '../pool/model.ts'
import { type Demand, LEAST_RUN_MS } from '../schedule/demand.ts'

/** A request for units, with its owner and term. The caller makes the id, so the decision stays pure. */
export interface Intent {
  /** The id of the queue entry and of the later reservation. */
  readonly id: string
  readonly request: Request
  readonly owner: Owner
  readonly note?: string
  readonly term: RequestedTerm
  /** The Unix groups of its account. The operation sets them. */
  readonly groups?: readonly number[]
}

/** A request for units at a later time. */
export type BookingIntent = Omit<Intent, 'term'> & { readonly term: RequestedBooking }

export type RequestedTerm = RequestedRun | RequestedManual

export interface RequestedRun extends Pick<RunTerm, 'kind' | 'process' | 'command'> {
  readonly timeout?: { readonly after: Millis; readonly grace: Millis }
  /** It ends before a booking needs its units, also if that is before its time limit. */
  readonly untilBooked?: { readonly grace: Millis }
}

export interface RequestedManual extends Pick<ManualTerm, 'kind'> {
  readonly duration: Millis
  /** Nobody asked for this duration, so the pool's default replaces it. */
  readonly isDefault?: true
}

export interface RequestedBooking extends Pick<BookingTerm, 'kind' | 'from'> {
  readonly duration: Millis
  /** Nobody asked for this duration, so the pool's default replaces it. */
  readonly isDefault?: true
}

/** The process that waits, and its maximum wait. */
export interface Ticket {
  readonly process: ProcessIdentity
  readonly waitFor?: Millis
}

/** A new reservation. */
export interface Grant {
  readonly reservation: Reservation
  /** The entries of `CUDA_VISIBLE_DEVICES` for these units. */
  readonly devices: readonly string[]
  readonly provider: ProviderName
  /** Steady time of the grant. A time limit starts here, even if the process is stopped afterwards. */
  readonly grantedAt: Millis
}

/** The longest time for which the units may be held; undefined: no limit. */
export function longestHold(term: RequestedTerm): Millis | undefined {
  if (term.kind === 'manual') return term.duration
  return term.timeout === undefined ? undefined : term.timeout.after + term.timeout.grace
}

/** The same for a request that got no default yet; undefined: the default counts when it starts. */
export const typedHold = (term: RequestedTerm): Millis | undefined =>
  term.kind === 'manual' && term.isDefault !== undefined ? undefined : longestHold(term)

/** The duration or time limit that the user gave, without the grace; undefined: none. */
export function typedDuration(term: RequestedTerm): Millis | undefined {
  if (term.kind === 'run') return term.timeout?.after
  return term.isDefault === undefined ? term.duration : undefined
}

/** The time for which the units must be free, if that is less than the longest hold. */
export function leastHold(term: RequestedTerm): Millis | undefined {
  if (term.kind === 'manual' || term.untilBooked === undefined) return undefined
  return Math.min(LEAST_RUN_MS + graceOf(term), longestHold(term) ?? Number.POSITIVE_INFINITY)
}

/** Time between SIGINT and SIGKILL at the end of a run. */
export const graceOf = ({ timeout, untilBooked }: RequestedRun): Millis =>
  timeout?.grace ?? untilBooked?.grace ?? 0

/** The account of the request, as limits see it. */
export const subjectOf = ({
  owner: { account },
  groups = [],
}: Pick<Intent, 'owner' | 'groups'>): Subject => ({
  account,
  groups,
})

export function demandIn(intent: Intent, { policy }: Pick<Pool, 'policy'>): Demand {
  const { request, owner, term } = intent
  const duration = longestHold(term)
  const least = leastHold(term)
  const cap = capOf(policy, subjectOf(intent))
  return {
    request,
    uid: owner.account.uid,
    ...(duration === undefined ? {} : { duration }),
    ...(least === undefined ? {} : { least }),
    ...(cap === undefined ? {} : { cap }),
  }
}
