import type * as v from 'valibot'
import { booking } from './schedule.ts'
import { reservationType } from './status.ts'
import { list, object, optional, text, time, whole } from './values.ts'

/** A granted reservation: `reserve --json`, and on stderr `run --json`. */
export const grant = object({
  reservation: text,
  gpus: list(whole),
  cuda_visible_devices: text,
  user: text,
  account: text,
  type: reservationType,
  started_at: time,
  expiry_time: optional(time),
})

/** `release --json`. */
export const released = object({
  released: list(whole),
  /** Named GPUs that had no reservation. */
  not_released: optional(list(whole)),
  /** The booking whose id was named. */
  cancelled: optional(booking),
  /** The named id, if the daemon restarted before it answered and nothing has this id now. */
  ended: optional(text),
})

/** `extend --json`. */
export const extended = list(object({ reservation: text, gpus: list(whole), expiry_time: time }))

export type GrantDocument = v.InferOutput<typeof grant>
export type ReleasedDocument = v.InferOutput<typeof released>
export type ExtendedDocument = v.InferOutput<typeof extended>
