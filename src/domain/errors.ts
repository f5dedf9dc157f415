import type { Reason } from './operation/refusal.ts'

/**
 * One code for each failure that a user or administrator can cause or fix. Exit status and JSON derive from the code.
 * A plain `Error` is a bug in this program.
 */
export const ERROR_CODES = [
  'usage',
  'not-enough-gpus',
  'wait-timed-out',
  'too-many-waiting',
  'over-limit',
  'interrupted',
  'command-not-found',
  'command-not-executable',
  'pool-not-initialized',
  'pool-already-initialized',
  'impossible-request',
  'driver-missing',
  'driver-unresponsive',
  'driver-failed',
  'store-unavailable',
  'store-busy',
  'store-corrupt',
  'store-foreign',
  'store-too-new',
  'store-too-old',
  'daemon-unavailable',
  'daemon-incompatible',
  'board-unavailable',
  'host-unreachable',
  'host-unknown',
  'host-incompatible',
  'connection-lost',
  'config-invalid',
  'permission-denied',
  'not-yours',
  'failure',
  'internal',
] as const
export type ErrorCode = (typeof ERROR_CODES)[number]

export interface ErrorDetail {
  /** The next step for the user, in one sentence. */
  readonly hint?: string
  readonly cause?: unknown
  /** The facts, if an operation was refused. */
  readonly reason?: Reason
}

/** A failure that is printed in one line. The message describes the problem; `hint` is the next step. */
export class CanhazgpuError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly reason: Reason | undefined

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? {} : { cause: detail.cause })
    this.name = 'CanhazgpuError'
    this.code = code
    this.hint = detail.hint
    this.reason = detail.reason
  }

  /** For a message to another process, and for the trace. */
  toJSON(): { code: ErrorCode; message: string } & Pick<ErrorDetail, 'hint' | 'reason'> {
    const { code, message, hint, reason } = this
    return {
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(reason === undefined ? {} : { reason }),
    }
  }
}
