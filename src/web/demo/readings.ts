import type { GpuReading, Millis, Pool, Probe, Reservation, UnitId } from '../../domain/pool/model.ts'
import { gpuNumber, unitsOf } from '../../domain/pool/units.ts'
import { SQUATTER, type Work } from './team.ts'

const MEMORY_MB = 81_559

/** What is going on, as far as a driver would see it. */
export interface Scene {
  readonly pool: Pool
  readonly works: ReadonlyMap<string, Work>
  readonly trouble: { readonly squatted: UnitId | null; readonly faulty: UnitId | null }
}

/** What the driver of the made-up machine shows at this moment. */
export function readings(scene: Scene, now: Millis): Probe {
  const holders = new Map(
    scene.pool.reservations.flatMap((held) => unitsOf(held).map((unit) => [unit, held] as const)),
  )
  return {
    provider: 'fake',
    readings: scene.pool.units.map(({ id, device }) => ({
      index: gpuNumber(id),
      uuid: device.uuid,
      name: device.name,
      state: stateOf(id, holders.get(id), scene, now),
    })),
  }
}

function stateOf(
  unit: UnitId,
  held: Reservation | undefined,
  { trouble, works }: Scene,
  now: Millis,
): GpuReading['state'] {
  const gpu = gpuNumber(unit)
  if (trouble.faulty === unit && held === undefined) {
    return { kind: 'fault', reason: 'Unable to determine the device handle: GPU is lost (Xid 79)' }
  }
  if (trouble.squatted === unit && held === undefined) {
    const { uid, user, command, memoryMb } = SQUATTER
    const process = { pid: 31_337, uid, user, name: 'python3', memoryMb, command }
    return { ...measured(gpu, now, memoryMb, 0.34), processes: [process] }
  }
  const work = held === undefined ? undefined : works.get(held.id)
  if (held === undefined || work === undefined) return measured(gpu, now, 4, 0)
  const memoryMb = Math.round(work.memory * MEMORY_MB)
  // Who has just reserved for a time has not started anything yet.
  const isWorking = held.term.kind === 'run' || now - held.startedAt > 5 * 60_000
  if (!isWorking) return measured(gpu, now, 4, 0)
  const process = {
    pid: held.term.kind === 'run' ? held.term.process.pid + unitsOf(held).indexOf(unit) : 40_000 + gpu,
    uid: held.owner.account.uid,
    user: held.owner.account.name,
    name: work.command?.split(' ')[0] ?? 'python3',
    memoryMb,
    command: work.command ?? 'python3 -m ipykernel_launcher',
  }
  return { ...measured(gpu, now, memoryMb, work.load), processes: [process] }
}

/** Loads breathe: a slow wave for the epochs, a quick one for the steps. */
function measured(gpu: number, now: Millis, memoryUsedMb: number, load: number) {
  const seconds = now / 1000
  const slow = Math.sin(seconds / 37 + gpu * 1.7)
  const quick = Math.sin(seconds / 2.3 + gpu * 5.1) * Math.sin(seconds / 7.9 + gpu)
  const busy = load === 0 ? 0 : Math.min(1, Math.max(0.01, load + 0.05 * slow + 0.09 * quick - 0.04))
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
