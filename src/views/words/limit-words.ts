import type { CanhazgpuError } from '../../domain/errors.ts'
import type { OverLimit } from '../../domain/operation/refusal.ts'
import type { LimitKey, Scope } from '../../domain/pool/model.ts'
import { formatDuration } from '../../domain/text/duration.ts'
import { printable } from '../../domain/text/text.ts'

type Words = Pick<CanhazgpuError, 'code' | 'message'> & { readonly hint: string }

/** The text of a refusal by a limit: the limit, its source, what is used, and when it allows the request. */
export function limitWords(reason: OverLimit): Words {
  switch (reason.limit) {
    case 'queue':
      return {
        code: 'too-many-waiting',
        message: `The queue is full: ${reason.waiting} requests wait already`,
        hint: "see 'canhazgpu queue' for their owners",
      }
    case 'account':
      return {
        code: 'too-many-waiting',
        message: `Your account has ${reason.waiting} requests in the queue already, and at most ${reason.most} may wait`,
        hint: "try again when some of them are served or stopped: see 'canhazgpu queue'",
      }
    case 'gpus':
      return gpuLimitWords(reason)
    case 'duration':
      return {
        code: 'impossible-request',
        message: `Your limit is ${formatDuration(reason.most)} (${sourceWords('max-duration', reason.scope)}): requested ${formatDuration(reason.asked)}`,
        hint: SEE_POLICY,
      }
  }
}

function gpuLimitWords(reason: Extract<OverLimit, { readonly limit: 'gpus' }>): Words {
  const { requested, used, most, frees } = reason
  const limit = `Your limit is ${most} GPUs at once (${sourceWords('max-gpus', reason.scope)})`
  if (requested > most) {
    return { code: 'impossible-request', message: `${limit}: requested ${requested}`, hint: SEE_POLICY }
  }
  const when = frees === undefined ? '' : `allowed in ${formatDuration(frees.at - frees.now)}; `
  return {
    code: 'over-limit',
    message: `${limit}: you have ${used}, requested ${requested}`,
    hint: `${when}wait in the queue with --wait, or release some of yours`,
  }
}

const SEE_POLICY = "see 'canhazgpu policy'"

/** `max-gpus of group students` */
function sourceWords(key: LimitKey, scope: Scope): string {
  return scope.kind === 'pool' ? `${key} of this pool` : `${key} of ${scope.kind} ${printable(scope.name)}`
}
