import type { GpuReading, Millis, Pool, Probe, Reservation, UnitId } from '../../domain/pool/model.ts'
import { gpuNumber, unitsOf } from '../../domain/pool/units.ts'
import { type Job, SQUATTER } from './team.ts'

const MEMORY_MB = 81_559

/** What determines the readings. */
export interface Workload {
  readonly pool: Pool
  readonly jobs: ReadonlyMap<string, Job>
  readonly unusable: { readonly squatted: UnitId | null; readonly faulty: UnitId | null }
}

/** The readings of a driver for these GPUs. */
export function readings(workload: Workload, now: Millis): Probe {
  const holders = new Map(
    workload.pool.reservations.flatMap((held) => unitsOf(held).map((unit) => [unit, held] as const)),
  )
  return {
    provider: 'fake',
    readings: workload.pool.units.map(({ id, device }) => ({
      index: gpuNumber(id),
      uuid: device.uuid,
      name: device.name,
      state: stateOf(id, holders.get(id), workload, now),
    })),
  }
}

function stateOf(
  unit: UnitId,
  held: Reservation | undefined,
  { unusable, jobs }: Workload,
  now: Millis,
): GpuReading['state'] {
  const gpu = gpuNumber(unit)
  if (unusable.faulty === unit && held === undefined) {
    return { kind: 'fault', reason: 'Unable to determine the device handle: GPU is lost (Xid 79)' }
  }
  if (unusable.squatted === unit && held === undefined) {
    const { uid, user, command, memoryMb } = SQUATTER
    const process = { pid: 31_337, uid, user, name: 'python3', memoryMb, command }
    return { ...measured(gpu, now, memoryMb, 0.34), processes: [process] }
  }
  const job = held === undefined ? undefined : jobs.get(held.id)
  if (held === undefined || job === undefined) return measured(gpu, now, 4, 0)
  const memoryMb = Math.round(job.memory * MEMORY_MB)
  // The holder of a new manual reservation has not started a process yet.
  const usesGpu = held.term.kind === 'run' || now - held.startedAt > 5 * 60_000
  if (!usesGpu) return measured(gpu, now, 4, 0)
  const process = {
    pid: held.term.kind === 'run' ? held.term.process.pid + unitsOf(held).indexOf(unit) : 40_000 + gpu,
    uid: held.owner.account.uid,
    user: held.owner.account.name,
    name: job.command?.split(' ')[0] ?? 'python3',
    memoryMb,
    command: job.command ?? 'python3 -m ipykernel_launcher',
  }
  return { ...measured(gpu, now, memoryMb, job.load), processes: [process] }
}

/** The load varies slowly with the epochs of a training and quickly with its steps. */
function measured(gpu: number, now: Millis, memoryUsedMb: number, load: number) {
  const seconds = now / 1000
  const slow = Math.sin(seconds / 37 + gpu * 1.7)
  const fast = Math.sin(seconds / 2.3 + gpu * 5.1) * Math.sin(seconds / 7.9 + gpu)
  const busy = load === 0 ? 0 : Math.min(1, Math.max(0.01, load + 0.05 * slow + 0.09 * fast - 0.04))
  const warmth = load === 0 ? 0 : load + 0.06 * slow
  return {
    kind: 'measured' as const,
    memoryUsedMb,
    memoryTotalMb: MEMORY_MB,
    utilizationPercent: Math.round(busy * 100),
    temperatureC: Math.round(31 + (gpu % 4) + 38 * warmth),
    powerW: Math.round(72 + gpu + 590 * Math.min(1, Math.max(0, busy * 0.85 + warmth * 0.15))),
    processes: [],
  }
}
