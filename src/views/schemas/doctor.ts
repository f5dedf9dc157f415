import * as v from 'valibot'
import { CHECKS, LEVELS } from '../../domain/diagnosis/finding.ts'
import { list, object, oneOf, optional, text } from './values.ts'

const finding = object({
  check: oneOf(CHECKS),
  level: oneOf(LEVELS),
  code: text,
  what: text,
  /** The next step; absent if there is nothing to do. */
  remedy: optional(text),
  /** The facts behind the text, by their names. */
  facts: v.looseObject({}),
})

/** `doctor --json`. */
export const diagnosed = object({
  version: text,
  /** Whether no finding is a failure. */
  healthy: v.boolean(),
  findings: list(finding),
})

/** `doctor --bundle FILE --json` and `doctor --capture FOLDER --json`. */
export const written = object({
  /** The archive or the folder. */
  path: text,
  contents: list(text),
})

export type DoctorDocument = v.InferOutput<typeof diagnosed>
export type WrittenDocument = v.InferOutput<typeof written>
