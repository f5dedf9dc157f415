import { type Cap, capOf, durationsFor, type Subject } from '../policy/limits.ts'
import type { Millis, Policy, QueueEntry, Request, WantedTerm } from '../pool/model.ts'

/** The planner's input for one request, waiting or new. */
export interface Demand {
  readonly request: Request
  readonly uid: number
  /** The longest time for which the units may be held; absent: no limit. */
  readonly duration?: Millis
  /** The time for which the units must be free; a booking may need them after it. Absent: for the whole duration. */
  readonly least?: Millis
  /** The most units that its account may hold; absent: no limit. */
  readonly cap?: Cap
}

const NO_GROUPS: readonly number[] = []

export function demandOf(entry: QueueEntry, policy: Policy): Demand {
  const { request, owner, term, groups = NO_GROUPS } = entry
  // Fast path: a decision plans a thousand requests.
  if (policy.limits === undefined && term.kind === 'run' && term.least === undefined) {
    const { uid } = owner.account
    return term.duration === undefined ? { request, uid } : { request, uid, duration: term.duration }
  }
  const subject = { account: owner.account, groups }
  const cap = capOf(policy, subject)
  const { least = Number.POSITIVE_INFINITY } = term
  const duration = term.duration ?? usualHold(policy, subject, term)
  return {
    request,
    uid: owner.account.uid,
    ...(duration === undefined ? {} : { duration }),
    ...(term.least === undefined ? {} : { least: Math.min(least, duration ?? least) }),
    ...(cap === undefined ? {} : { cap }),
  }
}

/** The time for which a request needs its units; undefined: for an unknown time. */
export const neededTime = ({ duration, least }: Demand): Millis | undefined => least ?? duration

/** Time between SIGINT and SIGKILL for a run whose time limit is the pool's default. */
export const DEFAULT_GRACE: Millis = 30_000

/** The usual grace is for the end of the command. A command may use the rest of a longer one as it likes, so that counts. */
export const countedGrace = (grace: Millis): Millis => Math.max(0, grace - DEFAULT_GRACE)

/** A run until a booking begins is worth starting only if it has this much time before its grace. */
export const LEAST_RUN_MS: Millis = 60_000

/** The duration of a reservation if neither the request nor the pool has one. */
export const DEFAULT_RESERVATION: Millis = 8 * 3_600_000

/**
 * How long a request without a duration of its own may hold its units, as `limitedIntent` completes it; undefined: no
 * limit.
 */
function usualHold(policy: Policy, subject: Subject, { kind, least }: WantedTerm): Millis | undefined {
  const { usual, longest } = durationsFor(policy, subject)
  if (kind === 'manual') return usual ?? Math.min(DEFAULT_RESERVATION, longest ?? DEFAULT_RESERVATION)
  const after = least === undefined ? (usual ?? longest) : (longest ?? usual)
  if (after === undefined) return undefined
  const grace = least === undefined ? DEFAULT_GRACE : least - LEAST_RUN_MS
  return runWithin({ after, longest }, grace) + grace
}

/** The default time limit of a run with this grace, within the longest duration. */
export const runWithin = (
  { after, longest }: { readonly after: Millis; readonly longest: Millis | undefined },
  grace: Millis,
): Millis => (longest === undefined ? after : Math.min(after, Math.max(1, longest - countedGrace(grace))))

export const sizeOf = (request: Request): number =>
  request.kind === 'count' ? request.count : request.ids.length
