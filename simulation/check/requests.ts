import type { Request, Unit } from '../../src/domain/pool/model.ts'

/** In the simulation the type of a unit is a part of its name, and no type is a part of another one. */
export function wants(request: Request, { id, device, memoryMb = 0 }: Unit): boolean {
  if (request.kind === 'ids') return request.ids.includes(id)
  const { gpuTypes, leastMemoryMb = 0 } = request
  const name = device.name.toLowerCase()
  return memoryMb >= leastMemoryMb && (gpuTypes ?? ['']).some((type) => name.includes(type))
}

export const sizeOf = (request: Request): number =>
  request.kind === 'count' ? request.count : request.ids.length
