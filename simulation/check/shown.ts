import type { GpuMeasurement, GpuReading, Pool, Probe, Unit, UnitId } from '../../src/domain/pool/model.ts'
import { COMPUTING_MB, THRESHOLD_MB } from '../system/device.ts'

export const unitIn = ({ units }: Pool, id: UnitId): Unit | undefined => units.find((unit) => unit.id === id)

/** The reading of a unit in a probe. */
export function readingOf(pool: Pool, id: UnitId, probe: Probe | undefined): GpuReading | undefined {
  const uuid = unitIn(pool, id)?.device.uuid
  return probe?.readings.find((reading) => reading.uuid === uuid)
}

/** Whether a unit may be granted, by its drain and its reading. */
export function isShownFree(pool: Pool, id: UnitId, probe: Probe | undefined, claimant?: number): boolean {
  return unitIn(pool, id)?.drain === undefined && isShownUnused(pool, id, probe, claimant)
}

/** The same by its reading alone. */
export function isShownUnused(pool: Pool, id: UnitId, probe: Probe | undefined, claimant?: number): boolean {
  const reading = readingOf(pool, id, probe)
  if (reading?.state.kind !== 'measured') return false
  return !isInUse(reading.state) || isUsedBy(reading, claimant)
}

/** A GPU is in use by its memory, by the sum of its processes, or by one compute process. */
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
