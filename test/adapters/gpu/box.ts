import type { ProviderName } from '../../../src/domain/pool/model.ts'
import type { GpuProvider } from '../../../src/ports/driver.ts'

/** A machine with GPUs, told independently of any driver; each stage plays it in its driver's own format. */
export interface Box {
  readonly gpus: readonly BoxGpu[]
  readonly course?: Course
}

export interface BoxGpu {
  readonly uuid: string
  readonly name: string
  readonly totalMb: number
  readonly usedMb: number
  readonly utilizationPercent?: number
  readonly temperatureC?: number
  readonly powerW?: number
  readonly mig?: boolean
  readonly processes?: readonly BoxProcess[]
  /**
   * `lost`: fallen off the bus; `mute`: the driver fails to read its memory; `ailing`: the driver complains in
   * place of its power only; `recovery`: only the recovery action says that it needs a reset.
   */
  readonly trouble?: 'lost' | 'mute' | 'ailing' | 'recovery'
  /** It works in the host's memory: the driver has no reading of its own memory. */
  readonly unified?: true
  /** The driver does not answer which processes use it. */
  readonly unlisted?: true
}

export interface BoxProcess {
  readonly pid: number
  readonly name: string
  readonly memoryMb?: number
}

/** What happens when the driver is asked. */
export type Course = 'answers' | 'late' | 'hangs' | 'crashes' | 'mismatch' | 'rubbish'

/** A driver that can be put in place of the real one. */
export interface Stage {
  readonly provider: ProviderName
  /** Programs that it takes. */
  readonly needs?: readonly string[]
  /** What this driver can play at all, with the reason in a comment where it cannot. */
  readonly courses: readonly Course[]
  /** Which facts the driver passes on. */
  readonly tells: readonly ('processNames' | 'mig' | 'recovery' | 'unified')[]
  play(box: Box, folder: string): Promise<GpuProvider>
  /** A machine without this driver; undefined where it cannot be missing. */
  readonly withoutDriver?: ((folder: string) => GpuProvider) | undefined
}

export const LATE_MS = 300

const h100 = (i: number): BoxGpu => ({
  uuid: `GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a7${i}`,
  name: 'NVIDIA H100 80GB HBM3',
  totalMb: 81559,
  usedMb: 4 + i,
  utilizationPercent: 0,
  temperatureC: 30 + i,
  powerW: 70.25,
})

export const EIGHT_H100: Box = { gpus: Array.from({ length: 8 }, (_, i) => h100(i)) }

export const MIXED: Box = {
  gpus: [
    { ...h100(0), name: 'NVIDIA A100-SXM4-80GB', totalMb: 81920 },
    // Consumer cards in some driver versions tell neither.
    {
      uuid: 'GPU-0b6ab3d4-6b94-7c1c-9f1e-5b9d3c1e0f11',
      name: 'NVIDIA GeForce RTX 4090',
      totalMb: 24564,
      usedMb: 1337,
    },
  ],
}

export function withProcesses(...processes: readonly BoxProcess[]): Box {
  return { gpus: [{ ...h100(0), usedMb: 9000, processes }, h100(1)] }
}

export const LOST: Box = { gpus: [h100(0), { ...h100(1), trouble: 'lost' }, h100(2)] }
export const MUTE: Box = { gpus: [h100(0), { ...h100(1), trouble: 'mute' }] }
export const AILING: Box = { gpus: [h100(0), { ...h100(1), trouble: 'ailing' }] }
export const RECOVERY: Box = { gpus: [h100(0), { ...h100(1), trouble: 'recovery' }] }

/** A GPU in the host's memory (GB10, Jetson), in the use of these processes. */
export function unified(...processes: readonly BoxProcess[]): Box {
  return { gpus: [{ ...h100(0), unified: true, processes }] }
}
export const UNIFIED_UNLISTED: Box = { gpus: [{ ...h100(0), unified: true, unlisted: true }] }
export const UNLISTED: Box = { gpus: [{ ...h100(0), unlisted: true }] }
export const MIG: Box = { gpus: [{ ...h100(0), mig: true }, h100(1)] }
