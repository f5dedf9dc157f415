import type { ProviderName } from '../pool/model.ts'

/** Variables to set in the command's environment; null removes one. */
export type Variables = Readonly<Record<string, string | null>>

/**
 * The environment that confines a command to its GPUs.
 *
 * NVIDIA: without `CUDA_DEVICE_ORDER`, CUDA numbers GPUs by speed, so a command on a machine with different GPUs gets
 * the wrong one (CUDA C++ Programming Guide, "CUDA Environment Variables"). The container runtime reads
 * `NVIDIA_VISIBLE_DEVICES`. AMD: HIP renumbers the GPUs in `ROCR_VISIBLE_DEVICES` from 0 (ROCm, "GPU isolation
 * techniques"). The same ids in both variables would select the wrong GPUs, so `ROCR_VISIBLE_DEVICES` must not be set.
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

/** For a process that is started inside a job and is no part of it. */
export const NOT_OF_THE_JOB: Variables = {
  ...{ CANHAZGPU_RESERVATION: null, CUDA_VISIBLE_DEVICES: null, CUDA_DEVICE_ORDER: null },
  ...{ NVIDIA_VISIBLE_DEVICES: null, HIP_VISIBLE_DEVICES: null, ROCR_VISIBLE_DEVICES: null },
}

/** The line that a shell evaluates to use manually reserved GPUs. */
export function shellExport(variables: Variables): string {
  const { CUDA_VISIBLE_DEVICES, CANHAZGPU_RESERVATION: _, ...others } = variables
  const set = Object.entries({ CUDA_VISIBLE_DEVICES, ...others })
  const assignments = set.flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]))
  const removed = set.flatMap(([name, value]) => (value === null ? [name] : []))
  const unset = removed.length === 0 ? '' : `; unset ${removed.join(' ')}`
  return `export ${assignments.join(' ')}${unset}`
}
