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

/** What a command prints on stderr with `--json`, and the API answers, where it could not do what was asked. */
export const failure = object({
  error: object({
    code: oneOf([...ERROR_CODES, ...HTTP_ERROR_CODES]),
    message: text,
    hint: optional(text),
    /** Where the pool decided and refused. */
    reason: optional(refusal),
  }),
})

/** Something that a person should know, though the command goes on; on stderr with `--json`. */
export const warning = object({ warning: object({ code: oneOf(WARNING_CODES), message: text }) })

export type FailureDocument = v.InferOutput<typeof failure>
export type WarningDocument = v.InferOutput<typeof warning>
export type HttpErrorCode = (typeof HTTP_ERROR_CODES)[number] | 'internal'
