import type * as v from 'valibot'
import { ERROR_CODES } from '../../domain/errors.ts'
import { faultReason, reservationType } from './status.ts'
import { list, object, oneOf, optional, position, text, time, whole } from './values.ts'

/** A GPU that cannot be granted although nobody reserved it; the words of `status --json`. */
export const unavailableGpu = object({
  gpu_id: whole,
  status: oneOf(['ERROR', 'UNRESERVED', 'UNCHECKED']),
  error: optional(text),
  reason: optional(faultReason),
  unreserved_users: optional(list(text)),
})

/** One waiting request in the JSON of `queue --json` and `/api/queue`. */
export const queuePlace = object({
  position,
  user: text,
  account: text,
  type: reservationType,
  /** How many GPUs; or, in `gpu_ids`, which. */
  gpus: whole,
  gpu_ids: optional(list(whole)),
  waiting_since: time,
  waiting_seconds: whole,
  gives_up_at: optional(time),
  /** In words; the next fields are the same for programs. */
  reason: text,
  reason_code: oneOf(['short', 'behind', 'next', 'unanswered', 'stopped']),
  /** Of `short`: how many of the GPUs that it wants are free. */
  free: optional(whole),
  /** Of `short`: those of them that are not, although nobody reserved them. */
  unavailable_gpus: optional(list(unavailableGpu)),
  /** Of `behind`. */
  behind_position: optional(position),
  /** Why the driver could not be asked. */
  driver_trouble: optional(text),
  driver_trouble_code: optional(oneOf(ERROR_CODES)),
  /** Absent while nobody can know it. */
  earliest_start: optional(time),
  note: optional(text),
})

/** `queue --json`. */
export const queue = list(queuePlace)

/** One line on stderr of a command that waits, with `--json`. */
export const waiting = object({
  waiting: object({
    position,
    length: position,
    /** How many GPUs of the pool are free. */
    free: whole,
    /** Why others cannot be granted although nobody reserved them. */
    unavailable_gpus: optional(list(unavailableGpu)),
    earliest_start: optional(time),
    /** Why the driver could not be asked at the last attempt. */
    trouble: optional(text),
    trouble_code: optional(oneOf(ERROR_CODES)),
  }),
})

export type UnavailableGpuDocument = v.InferOutput<typeof unavailableGpu>
export type QueueDocument = v.InferOutput<typeof queuePlace>
export type WaitingDocument = v.InferOutput<typeof waiting>
