import type * as v from 'valibot'
import { object, text } from './values.ts'

/** `completion SHELL --json`. */
export const completion = object({ script: text })

export type CompletionDocument = v.InferOutput<typeof completion>
