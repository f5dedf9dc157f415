import type { Shortage } from '../domain/allocation.ts'
import { CanhazgpuError } from '../domain/errors.ts'

/** The refusal that a full pool is met with; the caller may try again later. */
export function notEnough(shortage: Shortage): CanhazgpuError {
  const { requested, available, occupied, faulty, taken } = shortage
  const reasons = [
    ...(occupied > 0 ? [`${occupied} GPUs in use without reservation`] : []),
    ...(faulty > 0 ? [`${faulty} GPUs with errors`] : []),
  ]
  const details = reasons.length === 0 ? '' : ` (${reasons.join(', ')} - run 'canhazgpu status' for details)`
  const message =
    taken.length > 0
      ? `GPU ${taken.join(', ')} not available${details}`
      : `Not enough GPUs available. Requested: ${requested}, Available: ${available}${details}`
  return new CanhazgpuError('not-enough-gpus', message)
}
