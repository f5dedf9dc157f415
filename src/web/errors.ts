import { CanhazgpuError, type ErrorCode } from '../domain/errors.ts'
import type { FailureDocument, HttpErrorCode } from '../views/schemas/failure.ts'

const HTTP_STATUS = {
  'bad-request': 400,
  unauthorized: 401,
  'host-not-allowed': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'url-too-long': 414,
  'too-many-connections': 503,
  busy: 503,
  'too-many-guesses': 429,
  internal: 500,
} as const satisfies Readonly<Record<HttpErrorCode, number>>

/** A request that the server refuses. `failureResponse` makes the response. */
export class HttpError extends Error {
  readonly status: number
  readonly document: FailureDocument
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: HttpErrorCode,
    message: string,
    detail: { readonly hint?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message)
    this.name = 'HttpError'
    this.status = HTTP_STATUS[code]
    const { hint } = detail
    this.document = { error: { code, message, ...(hint === undefined ? {} : { hint }) } }
    this.headers = detail.headers ?? {}
  }
}

/** The response to a failed request. For a bug it has no details. */
export function failureResponse(error: unknown): Response {
  if (error instanceof HttpError) {
    return Response.json(error.document, { status: error.status, headers: { ...error.headers } })
  }
  if (error instanceof CanhazgpuError) {
    const { code, message, hint } = error
    const document: FailureDocument = { error: { code, message, ...(hint === undefined ? {} : { hint }) } }
    return Response.json(document, { status: statusOf(code) })
  }
  const document: FailureDocument = { error: { code: 'internal', message: 'Internal error' } }
  return Response.json(document, { status: HTTP_STATUS.internal })
}

const statusOf = (code: ErrorCode): number => (code === 'usage' ? 400 : 503)
