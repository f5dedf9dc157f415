import type * as v from 'valibot'
import { ERROR_CODES } from '../../domain/errors.ts'
import { WARNING_CODES } from '../../domain/warnings.ts'
import { refusal } from './refusal.ts'
import { object, oneOf, optional, text } from './values.ts'

/** Failures that only the web server has. */
const HTTP_ERROR_CODES = [
  'bad-request',
  'unauthorized',
  'host-not-allowed',
  'not-found',
  'method-not-allowed',
  'url-too-long',
  'too-many-connections',
  'busy',
  'too-many-guesses',
] as const

/** The error of a command with `--json` (on stderr) and of the API. */
export const failure = object({
  error: object({
    code: oneOf([...ERROR_CODES, ...HTTP_ERROR_CODES]),
    message: text,
    hint: optional(text),
    /** Present if the pool refused the request. */
    reason: optional(refusal),
  }),
})

/** A warning on stderr with `--json`. The command continues. */
export const warning = object({ warning: object({ code: oneOf(WARNING_CODES), message: text }) })

export type FailureDocument = v.InferOutput<typeof failure>
export type WarningDocument = v.InferOutput<typeof warning>
export type HttpErrorCode = (typeof HTTP_ERROR_CODES)[number] | 'internal'
