import type { Reason } from './operation/refusal.ts'

/**
 * Every failure that a user or administrator can cause or cure has a code here; exit status and JSON
 * derive from it. A plain `Error` is a bug of ours.
 */
export const ERROR_CODES = [
  'usage',
  'not-enough-gpus',
  'wait-timed-out',
  'too-many-waiting',
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
  'config-invalid',
  'permission-denied',
  'not-yours',
  'failure',
  'internal',
] as const
export type ErrorCode = (typeof ERROR_CODES)[number]

export interface ErrorDetail {
  /** What to do next, one sentence. */
  readonly hint?: string
  readonly cause?: unknown
  /** Where an operation was refused: the facts. */
  readonly reason?: Reason
}

/** A failure to be told in one line: what was wrong, what was expected, and in `hint` what to do next. */
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
}
