import type { QueueEntry, Reservation, Unit, UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { endOf, isBooked } from './booked-times.ts'
import { isBlocked, isUnresponsive } from './order.ts'
import { wants } from './requests.ts'
import { type Audit, isSurelyStopped } from './truth.ts'

/** I9: the grant takes the free GPUs that were unused for longest, unless a waiter ahead affects the choice. */
export function auditChoice(audit: Audit, reservation: Reservation, free: readonly UnitId[]): void {
  const { after, process, moment, report } = audit
  const { purpose } = process
  if (purpose.kind !== 'acquire' || purpose.claim !== 'no' || purpose.intent.request.kind !== 'count') return
  const known = { after, probe: process.lastProbe, wall: moment.wall }
  const counts = (entry: QueueEntry) =>
    !isUnresponsive(entry, moment.wall) && !isSurelyStopped(audit, entry.id) && !isBlocked(known, entry)
  if (after.queue.some(counts)) return
  const { uid } = purpose.intent.owner.account
  const rank = after.policy.allocation === 'lru' ? sinceUse : (placed: Placed) => ownFirst(placed, uid)
  const given = unitsOf(reservation)
  // It takes the units that are booked last.
  if (purpose.intent.term.kind === 'run' && purpose.intent.term.untilBooked !== undefined) return
  const chosen = given.map((id) => rank(placedIn(audit, id)))
  const { request } = purpose.intent
  const end = endOf(reservation)
  const left = free
    .filter((id) => !given.includes(id) && !isBooked(after, id, moment.wall, end))
    .map((id) => placedIn(audit, id))
    .filter(({ unit }) => wants(request, unit))
    .map(rank)
  const wrong = chosen.some((one) => left.some((other) => compare(other, one) < 0))
  if (wrong) report('I9', () => `granted ${given.join()} of ${free.join()}: ${JSON.stringify(after.units)}`)
}

/** A unit and its place in the pool, which decides between equals. */
interface Placed {
  readonly unit: Unit
  readonly place: number
}

type Rank = readonly number[]

const sinceUse = ({ unit: { lastUse }, place }: Placed): Rank =>
  lastUse === undefined ? [0, 0, place] : [1, lastUse.endedAt, place]

function ownFirst(placed: Placed, uid: number): Rank {
  const { lastUse } = placed.unit
  return lastUse?.uid === uid ? [0, -lastUse.endedAt] : [1, ...sinceUse(placed)]
}

function compare(a: Rank, b: Rank): number {
  for (const [at, value] of a.entries()) {
    const difference = value - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function placedIn({ after: { units } }: Audit, id: UnitId): Placed {
  const place = units.findIndex((unit) => unit.id === id)
  const unit = units[place]
  if (unit === undefined) throw new Error(`GPU ${id} is not in the pool`)
  return { unit, place }
}
