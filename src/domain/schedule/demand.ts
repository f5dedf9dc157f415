import type { Millis, Pool, QueueEntry, Request, UnitId } from '../pool/model.ts'
import { isSuitable } from '../pool/suitable.ts'

/** The planner's input for one request, waiting or new. */
export interface Demand {
  readonly request: Request
  readonly uid: number
  /** The longest time for which the units may be held; absent: no limit. */
  readonly duration?: Millis
}

export const demandOf = (entry: QueueEntry): Demand => ({
  request: entry.request,
  uid: entry.owner.account.uid,
  ...(entry.term.duration === undefined ? {} : { duration: entry.term.duration }),
})

export const sizeOf = (request: Request): number =>
  request.kind === 'count' ? request.count : request.ids.length

/** The units that a request may be granted. */
export const wantedUnits = ({ units }: Pick<Pool, 'units'>, request: Request): readonly UnitId[] =>
  request.kind === 'ids' ? request.ids : units.filter((unit) => isSuitable(unit, request)).map(({ id }) => id)
