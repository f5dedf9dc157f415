import type { ProviderName } from '../../../src/domain/pool/model.ts'
import type { GpuProvider } from '../../../src/ports/driver.ts'

/** A machine with GPUs, described independently of any driver. Each simulated driver reports it in its own format. */
export interface SimulatedMachine {
  readonly gpus: readonly SimulatedGpu[]
  readonly behaviour?: Behaviour
}

export interface SimulatedGpu {
  readonly uuid: string
  readonly name: string
  readonly totalMb: number
  readonly usedMb: number
  readonly utilizationPercent?: number
  readonly temperatureC?: number
  readonly powerW?: number
  readonly mig?: boolean
  readonly processes?: readonly SimulatedProcess[]
  /**
   * `lost`: the driver cannot reach it; `unreadable-memory`: the driver fails to read its memory; `unreadable-power`:
   * the driver has a complaint in place of its power only; `needs-reset`: only the recovery action shows that it needs
   * a reset.
   */
  readonly fault?: 'lost' | 'unreadable-memory' | 'unreadable-power' | 'needs-reset'
  /** It uses host memory, so the driver has no reading of its memory. */
  readonly unified?: true
  /** The driver does not report which processes use it. */
  readonly unlisted?: true
}

export interface SimulatedProcess {
  readonly pid: number
  readonly name: string
  readonly memoryMb?: number
}

/** How the driver responds. */
export type Behaviour = 'answers' | 'late' | 'hangs' | 'crashes' | 'mismatch' | 'rubbish'

/** A driver that can replace the real one. */
export interface SimulatedDriver {
  readonly provider: ProviderName
  /** Programs that it needs. */
  readonly needs?: readonly string[]
  /** The behaviours that this driver can simulate; a comment gives the reason for a missing one. */
  readonly behaviours: readonly Behaviour[]
  /** The facts that the driver reports. */
  readonly reports: readonly ('processNames' | 'mig' | 'recovery' | 'unified')[]
  simulate(machine: SimulatedMachine, folder: string): Promise<GpuProvider>
  /** A machine without this driver; undefined if it cannot be missing. */
  readonly withoutDriver?: ((folder: string) => GpuProvider) | undefined
}

export const LATE_MS = 300

const h100 = (i: number): SimulatedGpu => ({
  uuid: `GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a7${i}`,
  name: 'NVIDIA H100 80GB HBM3',
  totalMb: 81559,
  usedMb: 4 + i,
  utilizationPercent: 0,
  temperatureC: 30 + i,
  powerW: 70.25,
})

export const EIGHT_H100: SimulatedMachine = { gpus: Array.from({ length: 8 }, (_, i) => h100(i)) }

export const MIXED: SimulatedMachine = {
  gpus: [
    { ...h100(0), name: 'NVIDIA A100-SXM4-80GB', totalMb: 81920 },
    // Some driver versions report neither for consumer cards.
    {
      uuid: 'GPU-0b6ab3d4-6b94-7c1c-9f1e-5b9d3c1e0f11',
      name: 'NVIDIA GeForce RTX 4090',
      totalMb: 24564,
      usedMb: 1337,
    },
  ],
}

export function withProcesses(...processes: readonly SimulatedProcess[]): SimulatedMachine {
  return { gpus: [{ ...h100(0), usedMb: 9000, processes }, h100(1)] }
}

export const LOST: SimulatedMachine = { gpus: [h100(0), { ...h100(1), fault: 'lost' }, h100(2)] }
export const UNREADABLE_MEMORY: SimulatedMachine = {
  gpus: [h100(0), { ...h100(1), fault: 'unreadable-memory' }],
}
export const UNREADABLE_POWER: SimulatedMachine = {
  gpus: [h100(0), { ...h100(1), fault: 'unreadable-power' }],
}
export const NEEDS_RESET: SimulatedMachine = { gpus: [h100(0), { ...h100(1), fault: 'needs-reset' }] }

/** A GPU that uses host memory (GB10, Jetson), with these processes. */
export function unified(...processes: readonly SimulatedProcess[]): SimulatedMachine {
  return { gpus: [{ ...h100(0), unified: true, processes }] }
}
export const UNIFIED_UNLISTED: SimulatedMachine = { gpus: [{ ...h100(0), unified: true, unlisted: true }] }
export const UNLISTED: SimulatedMachine = { gpus: [{ ...h100(0), unlisted: true }] }
export const MIG: SimulatedMachine = { gpus: [{ ...h100(0), mig: true }, h100(1)] }
