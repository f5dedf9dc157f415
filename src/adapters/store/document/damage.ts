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

/** The error for a database with a later version of the schema. */
export function laterSchema(version: number): CanhazgpuError {
  if (version < MOVING) return tooNew(`schema version ${version}`)
  return new CanhazgpuError('store-too-new', 'The pool is being moved into the daemon', {
    hint: "try again; if it was interrupted, 'sudo canhazgpu service install' completes it",
  })
}

/**
 * A schema version above this one marks a pool that is being moved. Every process that has it open, also of an earlier
 * release, finds it too new at its next transaction: it commits nothing more, a waiter executes the installed program
 * and keeps its place, and a supervisor stays silent.
 */
export const MOVING = 1_000_000

/** For a process that may only read a pool that needs an upgrade, or that must not upgrade it. */
export function tooOld(path: string, why: 'read-only' | 'kept', cause?: unknown): CanhazgpuError {
  return new CanhazgpuError(
    'store-too-old',
    why === 'read-only'
      ? `The pool ${path} was written by an older canhazgpu and is read-only here, so it cannot be upgraded`
      : `The pool ${path} was written by an older canhazgpu, and only a new command upgrades it`,
    {
      hint: "any command by an account that may write it upgrades it, such as 'sudo canhazgpu status'",
      ...(cause === undefined ? {} : { cause }),
    },
  )
}
