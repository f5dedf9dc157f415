import { MOST_ENTRIES } from '../operation/acquisition.ts'
import { MOST_BOOKINGS } from '../policy/limits.ts'
import { sizeOf } from '../schedule/demand.ts'
import { bookingsOf } from './bookings.ts'
import type { Holding, Millis, Pool, Request, UnitId } from './model.ts'
import { compareUnits, hasUnit } from './units.ts'

/** A problem of a stored pool, and its remedy. */
export interface Problem {
  /**
   * `damage`: the stored data is not what was written. `foreign`: another account planted the file. `access`: its users
   * cannot use the pool, or others can harm it. `device`: the driver reports other GPUs.
   */
  readonly kind: 'damage' | 'foreign' | 'access' | 'device'
  readonly what: string
  readonly remedy: string
}

/** The result of a check of a stored pool. */
export interface Checkup {
  readonly path: string
  readonly problems: readonly Problem[]
  /** Absent if it cannot be read. */
  readonly pool?: Pool
  /** Absent if the damage leaves nothing to count. */
  readonly counts?: {
    readonly gpus: number
    readonly reservations: number
    readonly waiting: number
    readonly records: number
    /** Records of changes that cannot be shown; absent: none. */
    readonly unreadableChanges?: number
  }
}

/** The rules that this pool breaks, one sentence each; none for a sound pool. */
export function poolFaults(pool: Pool): readonly string[] {
  const faults: string[] = []
  if (pool.units.length === 0) faults.push('there is no GPU')
  addHolderFaults(pool, faults)
  addQueueFaults(pool, faults)
  addBookingFaults(pool, faults)
  return faults
}

/** Plain loops, because every command runs this: in code that runs once, callbacks are slow. */
function addHolderFaults({ units, reservations, writtenAt }: Pool, faults: string[]): void {
  const holders = new Map<UnitId, string[]>()
  for (const { id } of units) holders.set(id, [])
  const others: string[] = []
  for (const { id, holdings, term } of reservations) {
    const isLater = term.kind === 'maintenance' && term.from > writtenAt.wall
    const unknown: UnitId[] = []
    let inOrder = true
    for (let at = 0; at < holdings.length; at++) {
      const unit = holdings[at]?.unit ?? ''
      const before = holdings[at - 1]?.unit
      if (before !== undefined && compareUnits(before, unit) >= 0) inOrder = false
      const holdersOfUnit = holders.get(unit)
      if (holdersOfUnit === undefined) unknown.push(unit)
      else if (!isLater && holdersOfUnit.at(-1) !== id) holdersOfUnit.push(id)
    }
    if (unknown.length > 0) {
      others.push(`reservation ${id} holds GPU ${unknown.join(', ')}, which does not exist`)
    }
    if (!inOrder) {
      const named = holdings.map(({ unit }) => unit).join(', ')
      others.push(`reservation ${id} names GPUs twice or out of order (${named})`)
    }
  }
  for (const [unit, ids] of holders) {
    if (ids.length > 1) faults.push(`GPU ${unit} is in ${ids.length} reservations (${ids.join(', ')})`)
  }
  faults.push(...others)
}

/** Whether the pool has the requested units. Types and memory may change while a request waits. */
function areInPool(request: Request, pool: Pool): boolean {
  if (request.kind === 'count') return request.count <= pool.units.length
  return request.ids.every((id) => hasUnit(pool, id))
}

function addQueueFaults(pool: Pool, faults: string[]): void {
  const { reservations, queue } = pool
  const bookings = bookingsOf(pool)
  const ids = new Set<string>()
  const twice = new Set<string>()
  for (const entries of [reservations, queue, bookings]) {
    for (const { id } of entries) {
      if (ids.has(id)) twice.add(id)
      ids.add(id)
    }
  }
  if (queue.length > MOST_ENTRIES) faults.push(`more than ${MOST_ENTRIES} requests are in the queue`)
  if (ids.has('')) faults.push('an id is empty')
  for (const id of twice) {
    faults.push(`the id ${id} belongs to more than one reservation, booking or queue entry`)
  }
  for (const { id, request } of queue) {
    if (!areInPool(request, pool)) faults.push(`${id} waits in the queue for GPUs that do not exist`)
    if (request.kind === 'ids' && new Set(request.ids).size < request.ids.length) {
      faults.push(`${id} waits in the queue for a GPU twice`)
    }
  }
}

/** No two bookings have a unit at the same time. */
function addBookingFaults(pool: Pool, faults: string[]): void {
  const bookings = bookingsOf(pool)
  if (bookings.length === 0) return
  if (bookings.length > MOST_BOOKINGS) faults.push(`more than ${MOST_BOOKINGS} bookings`)
  const until = new Map<UnitId, Millis>()
  for (const { id } of pool.units) until.set(id, Number.NEGATIVE_INFINITY)
  let before = Number.NEGATIVE_INFINITY
  for (const { id, holdings, request, term } of bookings) {
    if (term.from < before || term.until <= term.from) faults.push(`booking ${id} has a wrong time`)
    before = term.from
    if (!areInPool(request, pool) || !isInOrder(holdings) || holdings.length !== sizeOf(request)) {
      faults.push(`booking ${id} has the wrong GPUs`)
    }
    for (const { unit } of holdings) {
      if ((until.get(unit) ?? Number.POSITIVE_INFINITY) > term.from) {
        faults.push(`booking ${id} has GPU ${unit} although it is booked or does not exist`)
      }
      until.set(unit, term.until)
    }
  }
}

function isInOrder(holdings: readonly Holding[]): boolean {
  for (let at = 1; at < holdings.length; at++) {
    if (compareUnits(holdings[at - 1]?.unit ?? '', holdings[at]?.unit ?? '') >= 0) return false
  }
  return true
}
