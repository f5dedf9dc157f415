import type { CanhazgpuError } from '../errors.ts'
import type { GpuMeasurement, Millis, Pool, Reservation, Unit } from '../pool/model.ts'
import { unitsOf } from '../pool/units.ts'
import { isOccupied, isWork } from './evidence.ts'
import type { PoolUsage, UnitFault, UnitUsage } from './usage.ts'

/** One GPU for the eye: who holds it, and what the driver says of it. */
export type GpuStatus =
  | { readonly kind: 'available'; readonly unit: Unit; readonly usage: GpuMeasurement }
  | {
      readonly kind: 'reserved'
      readonly unit: Unit
      readonly usage: UnitUsage
      readonly reservation: Reservation
    }
  | { readonly kind: 'unreserved'; readonly unit: Unit; readonly usage: GpuMeasurement }
  | { readonly kind: 'error'; readonly unit: Unit; readonly usage: UnitFault }

/** When and by what measure it was looked at. */
export interface View {
  readonly now: Millis
  readonly thresholdMb: number
}

const UNSEEN: UnitUsage = { kind: 'fault', code: 'unanswered', reason: 'not probed' }

/** The pool as anyone may see it now. */
export interface Overview {
  readonly pool: Pool
  readonly view: View
  readonly gpus: readonly GpuStatus[]
  /** Why the driver could not be asked; every GPU is then of unknown use. */
  readonly driverFailure?: CanhazgpuError
}

/** One GPU of the pool each, in the order of their ids. A reservation shows even on a faulty GPU. */
export function statusOf(pool: Pool, usage: PoolUsage, thresholdMb: number): readonly GpuStatus[] {
  const holder = new Map(
    pool.reservations.flatMap((held) => unitsOf(held).map((unit) => [unit, held] as const)),
  )
  return pool.units.map((unit) => {
    const seen: UnitUsage = usage.get(unit.id)?.usage ?? UNSEEN
    const reservation = holder.get(unit.id)
    if (reservation !== undefined) return { unit, usage: seen, kind: 'reserved', reservation }
    if (seen.kind === 'fault') return { unit, usage: seen, kind: 'error' }
    return { unit, usage: seen, kind: isOccupied(seen, thresholdMb) ? 'unreserved' : 'available' }
  })
}

/** Who works on a GPU that somebody else has reserved. */
export interface OtherUse {
  /** Each account once, without the holder's. */
  readonly users: readonly string[]
  /** Whether the holder works there too, or a process of an unknown owner does. */
  readonly isHolderThere: boolean
}

export function otherUseOf(status: GpuStatus): OtherUse {
  if (status.kind !== 'reserved' || status.usage.kind === 'fault') return { users: [], isHolderThere: false }
  const { uid: holder } = status.reservation.owner.account
  const working = status.usage.processes.filter(isWork)
  const others = working.filter(({ uid }) => uid !== undefined && uid !== holder)
  const users = new Set(others.map(({ uid, user }) => user ?? `uid ${uid}`))
  return { users: [...users], isHolderThere: others.length < working.length }
}
