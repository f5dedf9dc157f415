import { type Cap, capOf } from '../policy/limits.ts'
import type { Millis, Policy, QueueEntry, Request } from '../pool/model.ts'

/** The planner's input for one request, waiting or new. */
export interface Demand {
  readonly request: Request
  readonly uid: number
  /** The longest time for which the units may be held; absent: no limit. */
  readonly duration?: Millis
  /** The most units that its account may hold; absent: no limit. */
  readonly cap?: Cap
}

export function demandOf(entry: QueueEntry, policy: Policy): Demand {
  const { request, owner, term, groups = [] } = entry
  const cap = capOf(policy, { account: owner.account, groups })
  return {
    request,
    uid: owner.account.uid,
    ...(term.duration === undefined ? {} : { duration: term.duration }),
    ...(cap === undefined ? {} : { cap }),
  }
}

export const sizeOf = (request: Request): number =>
  request.kind === 'count' ? request.count : request.ids.length
