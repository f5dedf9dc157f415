import { memoryOf } from '../../domain/observation/devices.ts'
import type { GpuReading, ProviderName, Unit } from '../../domain/pool/model.ts'
import { shortened } from '../../domain/text/text.ts'

const VENDORS: Readonly<Record<ProviderName, string>> = {
  nvml: 'NVIDIA',
  'nvidia-smi': 'NVIDIA',
  'amd-smi': 'AMD',
  fake: 'simulated',
}

export const vendorWords = (provider: ProviderName): string => VENDORS[provider]

/** `8 GPUs: 8 × NVIDIA H100 (81559 MB)`. */
export const gpuWords = (readings: readonly GpuReading[]): string =>
  counted(readings.map(({ name, state }) => ({ name, memoryMb: memoryOf(state) })))

export const unitWords = (units: readonly Unit[]): string =>
  counted(units.map(({ device: { name }, memoryMb }) => ({ name, memoryMb })))

interface Model {
  readonly name: string
  readonly memoryMb?: number | undefined
}

function counted(gpus: readonly Model[]): string {
  const counts = new Map<string, number>()
  for (const { name, memoryMb } of gpus) {
    const model = `${shortened(name, 60)}${memoryMb === undefined ? '' : ` (${memoryMb} MB)`}`
    counts.set(model, (counts.get(model) ?? 0) + 1)
  }
  const models = [...counts].map(([model, count]) => `${count} × ${model}`)
  return `${gpus.length} GPU${gpus.length === 1 ? '' : 's'}: ${models.join(', ')}`
}
