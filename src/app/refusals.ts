import { CanhazgpuError } from '../domain/errors.ts'
import { ADOPTS } from '../domain/observation/devices.ts'
import type { Shortage } from '../domain/operation/acquisition.ts'

/** The refusal that a full pool is met with; the caller may try again later. */
export function notEnough(shortage: Shortage): CanhazgpuError {
  const message = `${shortageWords(shortage)}${detailsOf(shortage)}`
  return new CanhazgpuError('not-enough-gpus', message, hintFor(shortage))
}

/** The plain refusal of a full pool is known word by word to scripts; it has none. */
function hintFor({ ahead, taken }: Shortage): { readonly hint?: string } {
  if (ahead > 0) return { hint: "see 'canhazgpu queue', and wait in line with --wait" }
  return taken.length > 0 ? { hint: "see 'canhazgpu status', or wait in line with --wait" } : {}
}

function shortageWords({ requested, available, taken }: Shortage): string {
  return taken.length > 0
    ? `GPU ${taken.join(', ')} not available`
    : `Not enough GPUs available. Requested: ${requested}, Available: ${available}`
}

function detailsOf({ occupied, faulty, replaced, ahead }: Shortage): string {
  const reasons = [
    ...(occupied > 0 ? [`${occupied} GPUs in use without reservation`] : []),
    ...(faulty > replaced ? [`${faulty - replaced} GPUs with errors`] : []),
    ...(replaced > 0 ? [`${replaced} GPUs replaced by others, which ${ADOPTS} adopts`] : []),
  ]
  const line = ahead > 0 ? ` (${ahead} waiting in line before)` : ''
  return reasons.length === 0 ? line : ` (${reasons.join(', ')} - run 'canhazgpu status' for details)${line}`
}
