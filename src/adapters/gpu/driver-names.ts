import type { ProviderName } from '../../domain/pool/model.ts'

/** The names of the drivers in messages. */
export const DRIVER_NAMES: Readonly<Record<ProviderName, string>> = {
  nvml: 'The NVIDIA driver (NVML)',
  'nvidia-smi': 'nvidia-smi',
  'amd-smi': 'amd-smi',
  fake: 'The fake driver',
}
