import { type Cap, capOf } from '../policy/limits.ts'
import type { Millis, Policy, Pool, QueueEntry, Request, UnitId } from '../pool/model.ts'
import { isSuitable } from '../pool/suitable.ts'

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

/** The units that a request may be granted. */
export const wantedUnits = ({ units }: Pick<Pool, 'units'>, request: Request): readonly UnitId[] =>
  request.kind === 'ids' ? request.ids : units.filter((unit) => isSuitable(unit, request)).map(({ id }) => id)
