import type { CanhazgpuError } from '../errors.ts'
import { type Booked, nextBookings } from '../pool/bookings.ts'
import type { Drain, GpuMeasurement, Millis, Pool, Reservation, Unit } from '../pool/model.ts'
import { unitsOf } from '../pool/units.ts'
import { isOccupied, isWork } from './evidence.ts'
import type { PoolReadings, UnitFault, UnitUse } from './readings.ts'
import type { StaleReadings } from './sample.ts'

/** The state of one GPU: its holder, the driver's reading, and the next booking. */
export type GpuStatus = GpuState & {
  /** It may move to another unit. One whose time has come waits to begin. */
  readonly booked?: Booked
}

type GpuState =
  | { readonly kind: 'available'; readonly unit: Unit; readonly use: GpuMeasurement }
  | {
      readonly kind: 'reserved'
      readonly unit: Unit
      readonly use: UnitUse
      readonly reservation: Reservation
    }
  /** Out of service and without a holder, whatever the driver reports. */
  | { readonly kind: 'drained'; readonly unit: Unit; readonly use: UnitUse; readonly drain: Drain }
  | { readonly kind: 'unreserved'; readonly unit: Unit; readonly use: GpuMeasurement }
  | { readonly kind: 'error'; readonly unit: Unit; readonly use: UnitFault }

/** The time and the memory threshold of a status. */
export interface View {
  readonly now: Millis
  readonly thresholdMb: number
}

const NOT_PROBED: UnitUse = { kind: 'fault', code: 'unanswered', reason: 'not probed' }

/** The current state of the pool, visible to every user. */
export interface Overview {
  readonly pool: Pool
  readonly view: View
  readonly gpus: readonly GpuStatus[]
  /** Why the probe failed; the use of every GPU is then unknown. */
  readonly driverFailure?: CanhazgpuError
  /** Present if the readings are old because later probes failed. */
  readonly stale?: StaleReadings
}

/**
 * The state of each GPU of the pool, in the order of ids. A drained or faulty GPU that is reserved has the state
 * `reserved`.
 */
export function statusOf(pool: Pool, readings: PoolReadings, thresholdMb: number): readonly GpuStatus[] {
  const holder = new Map(
    pool.reservations.flatMap((held) => unitsOf(held).map((unit) => [unit, held] as const)),
  )
  const stateOf = (unit: Unit): GpuState => {
    const use: UnitUse = readings.get(unit.id)?.use ?? NOT_PROBED
    const reservation = holder.get(unit.id)
    if (reservation !== undefined) return { unit, use, kind: 'reserved', reservation }
    if (unit.drain !== undefined) return { unit, use, kind: 'drained', drain: unit.drain }
    if (use.kind === 'fault') return { unit, use, kind: 'error' }
    return { unit, use, kind: isOccupied(use, thresholdMb) ? 'unreserved' : 'available' }
  }
  const next = nextBookings(pool)
  return pool.units.map((unit) => {
    const booked = next.get(unit.id)
    return booked === undefined ? stateOf(unit) : { ...stateOf(unit), booked }
  })
}

/** The use of a reserved GPU by accounts that do not hold it. */
export interface OtherUse {
  /** Each account once, without the holder. */
  readonly users: readonly string[]
  /** Whether the holder, or a process of an unknown owner, uses the GPU too. */
  readonly isHolderThere: boolean
}

export function otherUseOf(status: GpuStatus): OtherUse {
  if (status.kind !== 'reserved' || status.use.kind === 'fault') return { users: [], isHolderThere: false }
  const { uid: holder } = status.reservation.owner.account
  const working = status.use.processes.filter(isWork)
  const others = working.filter(({ uid }) => uid !== undefined && uid !== holder)
  const users = new Set(others.map(({ uid, user }) => user ?? `uid ${uid}`))
  return { users: [...users], isHolderThere: others.length < working.length }
}
