import type { GpuMeasurement, GpuReading, Pool, Probe } from '../../src/domain/pool/model.ts'
import { COMPUTING_MB, THRESHOLD_MB } from '../world/device.ts'

/** Whether what the driver showed of a GPU lets it be granted. */
export function looksFree(pool: Pool, id: number, shown: Probe | undefined, claimant?: number): boolean {
  const uuid = pool.gpus[id]?.uuid
  const reading = shown?.readings.find((each) => each.uuid === uuid)
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
