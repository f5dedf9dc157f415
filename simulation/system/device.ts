import type { GpuReading } from '../../src/domain/pool/model.ts'

/** Memory in use on a GPU. Without a `uid` the driver may list no process. */
export interface Use {
  readonly pid: number
  readonly uid: number | undefined
  readonly memoryMb: number
}

export const THRESHOLD_MB = 1024
/** One process with this much memory counts as use. */
export const COMPUTING_MB = 64

export interface Model {
  readonly name: string
  readonly memoryMb: number
}

/** The models of a machine: all GPUs are of the first one, except on a mixed machine. */
export const MODELS: readonly [Model, Model] = [
  { name: 'Simulated H100 80GB', memoryMb: 80_000 },
  { name: 'Simulated A100 40GB', memoryMb: 40_000 },
]

/** The true state of one GPU. */
export class Device {
  readonly uuid: string
  readonly model: Model
  state: 'sound' | 'faulty' | 'absent' = 'sound'
  readonly uses = new Set<Use>()

  constructor(uuid: string, model: Model) {
    this.uuid = uuid
    this.model = model
  }

  get memoryMb(): number {
    let sum = 3
    for (const use of this.uses) sum += use.memoryMb
    return sum
  }

  get isIdle(): boolean {
    const computes = this.#listed.some((use) => use.memoryMb >= COMPUTING_MB)
    return this.state === 'sound' && this.memoryMb < THRESHOLD_MB && !computes
  }

  get #listed(): Use[] {
    return [...this.uses].filter((use) => use.uid !== undefined || use.pid % 2 === 0)
  }

  reading(index: number): GpuReading {
    const { uuid, model } = this
    const { name } = model
    if (this.state !== 'sound') {
      return { index, uuid, name, state: { kind: 'fault', reason: 'GPU is lost' } }
    }
    const processes = this.#listed.map(({ pid, uid, memoryMb }) => ({
      pid,
      ...(uid === undefined ? {} : { uid, user: `user-${uid}` }),
      name: 'python',
      memoryMb,
    }))
    const state = {
      kind: 'measured',
      memoryUsedMb: this.memoryMb,
      memoryTotalMb: model.memoryMb,
      processes,
    } as const
    return { index, uuid, name, state }
  }
}
