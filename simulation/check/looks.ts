import type { GpuMeasurement, GpuReading, Pool, Probe, Unit, UnitId } from '../../src/domain/pool/model.ts'
import { COMPUTING_MB, THRESHOLD_MB } from '../world/device.ts'

export const unitIn = ({ units }: Pool, id: UnitId): Unit | undefined => units.find((unit) => unit.id === id)

/** What the driver showed of a unit. */
export function shownOf(pool: Pool, id: UnitId, shown: Probe | undefined): GpuReading | undefined {
  const uuid = unitIn(pool, id)?.device.uuid
  return shown?.readings.find((reading) => reading.uuid === uuid)
}

/** Whether a unit may be granted by what the driver showed of it. */
export function looksFree(pool: Pool, id: UnitId, shown: Probe | undefined, claimant?: number): boolean {
  const reading = shownOf(pool, id, shown)
  if (reading?.state.kind !== 'measured') return false
  return !isInUse(reading.state) || isUsedBy(reading, claimant)
}

/** By its memory, by the sum of its processes, or by one process that computes. */
function isInUse({ memoryUsedMb, processes }: GpuMeasurement): boolean {
  let held = 0
  let computes = false
  for (const { memoryMb = 0, graphics } of processes) {
    held += memoryMb
    if (!graphics && memoryMb >= COMPUTING_MB) computes = true
  }
  return memoryUsedMb >= THRESHOLD_MB || held >= THRESHOLD_MB || computes
}

function isUsedBy({ state }: GpuReading, uid: number | undefined): boolean {
  if (state.kind !== 'measured' || uid === undefined) return false
  return state.processes.length > 0 && state.processes.every((process) => process.uid === uid)
}
