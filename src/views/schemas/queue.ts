import type * as v from 'valibot'
import { ERROR_CODES } from '../../domain/errors.ts'
import { booked } from './booked.ts'
import { drain } from './drain.ts'
import { faultReason, reservationType } from './status.ts'
import { list, object, oneOf, optional, position, text, time, whole } from './values.ts'

const limitSource = oneOf(['pool', 'account', 'group'])

/** An unreserved or drained GPU that cannot be granted, with the values of `status --json`. */
export const unavailableGpu = object({
  gpu_id: whole,
  status: oneOf(['DRAINED', 'ERROR', 'UNRESERVED', 'UNCHECKED']),
  error: optional(text),
  reason: optional(faultReason),
  unreserved_users: optional(list(text)),
  drain: optional(drain),
})

/** One waiting request in the JSON of `queue --json` and `/api/queue`. */
export const queuePlace = object({
  position,
  user: text,
  account: text,
  type: reservationType,
  /** Text for people: what it waits for. The next fields have the same content for programs. */
  request: text,
  /** The number of GPUs; `gpu_ids` has the GPUs of a request for exact ones. */
  gpus: whole,
  gpu_ids: optional(list(whole)),
  /** The types of which each GPU must be one, and the memory that it must have. */
  gpu_types: optional(list(text)),
  min_memory_mb: optional(whole),
  waiting_since: time,
  waiting_seconds: whole,
  gives_up_at: optional(time),
  /** Text for people. The next fields have the same content for programs. */
  reason: text,
  reason_code: oneOf(['short', 'booked', 'behind', 'over-limit', 'next', 'unanswered', 'stopped']),
  /** With `short`: the number of wanted GPUs that are free. */
  free: optional(whole),
  /** With `short`: the wanted GPUs that are drained, or unreserved but not free. */
  unavailable_gpus: optional(list(unavailableGpu)),
  /** With `booked`: the wanted GPUs that bookings need. */
  booked: optional(booked),
  /** With `behind`: the position of the earlier request. */
  behind_position: optional(position),
  /** With `over-limit`: the number of GPUs that the account has, and the most that it may have. */
  used: optional(whole),
  most: optional(whole),
  /** With `over-limit`: whose limit it is, with the name of the account or group. */
  source: optional(limitSource),
  name: optional(text),
  /** Why the probe of the driver failed. */
  driver_trouble: optional(text),
  driver_trouble_code: optional(oneOf(ERROR_CODES)),
  /** Absent while it is unknown. */
  earliest_start: optional(time),
  note: optional(text),
})

/** `queue --json`. */
export const queue = list(queuePlace)

/** One line on stderr of a waiting command with `--json`. */
export const waiting = object({
  waiting: object({
    position,
    length: position,
    /** The number of free GPUs in the pool; with `--gpu-type` or `--min-memory`, of those that suit. */
    free: whole,
    /** The drained and the unreserved GPUs that cannot be granted, and why. */
    unavailable_gpus: optional(list(unavailableGpu)),
    /** The limit that keeps the request from starting. */
    limit: optional(object({ used: whole, most: whole, source: limitSource, name: optional(text) })),
    earliest_start: optional(time),
    /** Why the last probe of the driver failed. */
    trouble: optional(text),
    trouble_code: optional(oneOf(ERROR_CODES)),
  }),
})

export type UnavailableGpuDocument = v.InferOutput<typeof unavailableGpu>
export type QueueDocument = v.InferOutput<typeof queuePlace>
export type WaitingDocument = v.InferOutput<typeof waiting>
