import type * as v from 'valibot'
import { list, object, optional, text, time, whole } from './values.ts'

/** Why a GPU is out of service: `by` is the account that drained it. */
export const drain = object({ by: text, since: time, reason: optional(text) })

/** `drain --json`; `unchanged`: GPUs that were drained already; `held`: those that still have a holder. */
export const drained = object({
  drained: list(whole),
  unchanged: optional(list(whole)),
  held: list(object({ gpu_id: whole, user: text, until: optional(time) })),
})

/** `restore --json`; `unchanged`: GPUs that were not drained. */
export const restored = object({ restored: list(whole), unchanged: optional(list(whole)) })

export type DrainDocument = v.InferOutput<typeof drain>
export type DrainedDocument = v.InferOutput<typeof drained>
export type RestoredDocument = v.InferOutput<typeof restored>
