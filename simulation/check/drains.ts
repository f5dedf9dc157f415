import type { Pool, UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { bookingsIn } from './booked-times.ts'
import type { Audit } from './truth.ts'

/** I3: the drained GPUs are exactly those that root drained. A reset keeps the drain of the GPUs that stay in the pool. */
export function auditDrains({ process, after, truth, report }: Audit): void {
  const { purpose } = process
  const uuids = new Map(after.units.map(({ id, device }) => [id, device.uuid]))
  if (purpose.kind === 'drain' || purpose.kind === 'restore') {
    const named = purpose.units.map((id) => uuids.get(id))
    // A request with an unknown GPU, or with one that a booking needs, is refused as a whole.
    const isRefused =
      named.includes(undefined) || (purpose.kind === 'drain' && takesBooked(after, purpose.units))
    for (const uuid of isRefused ? [] : named) {
      if (uuid === undefined) continue
      if (purpose.kind === 'drain') truth.drained.add(uuid)
      else truth.drained.delete(uuid)
    }
  }
  if (purpose.kind === 'set-up') {
    const left = new Set(uuids.values())
    for (const uuid of truth.drained) if (!left.has(uuid)) truth.drained.delete(uuid)
  }
  for (const { id, device, drain } of after.units) {
    if ((drain !== undefined) === truth.drained.has(device.uuid)) continue
    report('I3', () => `GPU ${id} is ${drain === undefined ? 'not ' : ''}drained`)
  }
}

/** Whether a booking still has one of the units, and none of them was drained. */
const takesBooked = (pool: Pool, named: readonly UnitId[]): boolean =>
  bookingsIn(pool).some((booking) => unitsOf(booking).some((unit) => named.includes(unit))) &&
  pool.units.some(({ id, drain }) => named.includes(id) && drain === undefined)
