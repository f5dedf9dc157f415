import { CanhazgpuError } from '../../../domain/errors.ts'
import { shortened } from '../../../domain/text/text.ts'
import { RECOVERY } from '../sqlite-errors.ts'

export const LONGEST_REASON = 120

export function corrupt(what: string, cause?: unknown): CanhazgpuError {
  return new CanhazgpuError('store-corrupt', `The stored pool is damaged (${what})`, {
    hint: RECOVERY,
    ...(cause === undefined ? {} : { cause }),
  })
}

/** The error for a pool that is too large to be written. */
export const tooLong = (): CanhazgpuError =>
  new CanhazgpuError('failure', 'The pool has too many requests in its queue', {
    hint: 'try again when some of them have ended',
  })

/** The error for a wrong value at this path, such as `.units.0.id`. */
export const wrongValue = (path: string): CanhazgpuError =>
  corrupt(`wrong value at ${shortened(path.slice(1), LONGEST_REASON)}`)

/** The error for a store that a later release wrote. */
export function tooNew(what: string): CanhazgpuError {
  return new CanhazgpuError('store-too-new', `The pool was written by a newer canhazgpu (${what})`, {
    hint: 'upgrade this canhazgpu',
  })
}

/** For a process that may only read a pool that needs an upgrade. */
export function tooOld(path: string, cause: unknown): CanhazgpuError {
  return new CanhazgpuError(
    'store-unavailable',
    `The pool ${path} was written by an older canhazgpu and is read-only here, so it cannot be upgraded`,
    {
      hint: "any command by an account that may write it upgrades it, such as 'sudo canhazgpu status'",
      cause,
    },
  )
}
