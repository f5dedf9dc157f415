import type { Request, Requirements } from '../../domain/pool/model.ts'
import { formatMemory } from '../../domain/text/memory.ts'
import { printable } from '../../domain/text/text.ts'

/** `2 GPUs of type h100 or a100 with at least 40G`, or `GPU 1, 3`. */
export function requestWords(request: Request): string {
  if (request.kind === 'ids') return `GPU ${request.ids.join(', ')}`
  const count = request.count === 1 ? '1 GPU' : `${request.count} GPUs`
  return `${count}${requirementsWords(request)}`
}

/** ` of type h100 or a100 with at least 40G`; empty without requirements. */
export function requirementsWords({ gpuTypes, leastMemoryMb }: Requirements): string {
  const type = gpuTypes === undefined ? '' : ` of type ${gpuTypes.map(printable).join(' or ')}`
  return leastMemoryMb === undefined ? type : `${type} with at least ${formatMemory(leastMemoryMb)}`
}
