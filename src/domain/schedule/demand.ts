import { type Cap, capOf, durationsFor, type Subject } from '../policy/limits.ts'
import type { Millis, Policy, QueueEntry, Request } from '../pool/model.ts'

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

export function demandOf(entry: QueueEntry, policy: Policy): Demand {
  const { request, owner, term, groups = [] } = entry
  const subject = { account: owner.account, groups }
  const cap = capOf(policy, subject)
  const duration = term.duration ?? usualHold(policy, subject)
  return {
    request,
    uid: owner.account.uid,
    ...(duration === undefined ? {} : { duration }),
    ...(term.least === undefined ? {} : { least: term.least }),
    ...(cap === undefined ? {} : { cap }),
  }
}

/** The time for which a request needs its units; undefined: for an unknown time. */
export const neededTime = ({ duration, least }: Demand): Millis | undefined => least ?? duration

/** Time between SIGINT and SIGKILL for a run whose time limit is the pool's default. */
export const DEFAULT_GRACE: Millis = 30_000

/** How long a run without a time limit may hold its units, if the pool limits it. */
function usualHold(policy: Policy, subject: Subject): Millis | undefined {
  const { usual, longest } = durationsFor(policy, subject)
  const after = usual ?? longest
  return after === undefined ? undefined : after + DEFAULT_GRACE
}

export const sizeOf = (request: Request): number =>
  request.kind === 'count' ? request.count : request.ids.length
