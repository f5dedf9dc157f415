import type { Requirements } from '../../domain/pool/model.ts'

/** The fields of a request for GPUs with a type or memory; none without requirements. */
export const requirementsDocument = ({ gpuTypes, leastMemoryMb }: Requirements) => ({
  ...(gpuTypes === undefined ? {} : { gpu_types: gpuTypes }),
  ...(leastMemoryMb === undefined ? {} : { min_memory_mb: leastMemoryMb }),
})
