import type { ProviderName } from '../pool/model.ts'

/** Variables to set in the command's environment; null: to remove. */
export type Variables = Readonly<Record<string, string | null>>

/**
 * The environment that confines a command to its GPUs.
 *
 * NVIDIA: without `CUDA_DEVICE_ORDER` CUDA numbers by speed and a mixed machine gets the wrong GPU (CUDA
 * C++ Programming Guide, "CUDA Environment Variables"); `NVIDIA_VISIBLE_DEVICES` is for the container
 * runtime. AMD: HIP counts what `ROCR_VISIBLE_DEVICES` leaves over from 0 (ROCm, "GPU isolation
 * techniques"), so the same ids in both would hide every GPU but the first ones; it must not be set.
 */
export function deviceVariables(
  provider: ProviderName,
  devices: readonly string[],
  reservation: string,
): Variables {
  const list = devices.join(',')
  const common = { CUDA_VISIBLE_DEVICES: list, CANHAZGPU_RESERVATION: reservation }
  switch (provider) {
    case 'amd-smi':
      return { ...common, HIP_VISIBLE_DEVICES: list, ROCR_VISIBLE_DEVICES: null }
    case 'nvml':
    case 'nvidia-smi':
    case 'fake':
      return { ...common, CUDA_DEVICE_ORDER: 'PCI_BUS_ID', NVIDIA_VISIBLE_DEVICES: list }
  }
}

/** The line that a shell evaluates to use GPUs reserved by hand. */
export function shellExport(variables: Variables): string {
  const { CUDA_VISIBLE_DEVICES, CANHAZGPU_RESERVATION: _, ...others } = variables
  const set = Object.entries({ CUDA_VISIBLE_DEVICES, ...others })
  const assignments = set.flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]))
  const removed = set.flatMap(([name, value]) => (value === null ? [name] : []))
  const unset = removed.length === 0 ? '' : `; unset ${removed.join(' ')}`
  return `export ${assignments.join(' ')}${unset}`
}
