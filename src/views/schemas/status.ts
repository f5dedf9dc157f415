import * as v from 'valibot'
import { ERROR_CODES } from '../../domain/errors.ts'
import { STATES } from '../words/status/states.ts'
import { nextBooking } from './booked.ts'
import { drain } from './drain.ts'
import { amount, list, object, oneOf, optional, text, time, whole } from './values.ts'

/** `RUN`: until a command ends. `MANUAL`: for a fixed time. `BOOKING`: for a time that was booked in advance. */
export const reservationType = oneOf(['RUN', 'MANUAL', 'BOOKING'])

export const process = object({
  pid: whole,
  name: text,
  user: optional(text),
  memory_mb: optional(amount),
})

/** The kind of error. `unanswered`: the driver gave no reading. */
export const faultReason = object({ code: oneOf(['reported', 'replaced', 'missing', 'unanswered']) })

/** Present if the readings are old because the driver does not answer. */
export const stale = object({
  reason: text,
  /** `internal`: a bug in canhazgpu. */
  reason_code: oneOf(ERROR_CODES),
  /** The time of the last good reading; absent if there was none. */
  since: optional(time),
})

/** The state of a GPU by its JSON name. */
export const state = oneOf(Object.values(STATES).map(({ json }) => json))

/** One GPU in the JSON of `status --json` and `/api/status`. An unknown value is absent. */
export const gpu = object({
  gpu_id: whole,
  status: state,
  gpu_model: text,
  /** The AI model that runs there, according to the command line of a process. */
  model: optional(text),
  user: optional(text),
  account: optional(text),
  type: optional(reservationType),
  note: optional(text),
  duration_seconds: optional(whole),
  started_at: optional(time),
  last_heartbeat: optional(time),
  expiry_time: optional(time),
  last_released: optional(time),
  memory_used_mb: optional(amount),
  memory_total_mb: optional(amount),
  utilization_percent: optional(amount),
  temperature_c: optional(v.number()),
  power_w: optional(amount),
  processes: optional(list(process)),
  error: optional(text),
  reason: optional(faultReason),
  unreserved_users: optional(list(text)),
  /** Other users of a reserved GPU, besides or instead of the holder. */
  other_users: optional(list(text)),
  /** Present if the GPU is drained: with status `DRAINED`, or `IN_USE` while it still has a holder. */
  drain: optional(drain),
  /** The next booking of the GPU, whatever its state. */
  booked: optional(nextBooking),
  /** Text for people: since when, until when, and which processes use it. */
  details: optional(text),
  validation: optional(text),
  stale: optional(stale),
})

/** `status --json`. */
export const status = list(gpu)

/** `status --summary --json`. */
export const summary = object({
  host: text,
  total: whole,
  /** The number of GPUs of each model. */
  gpu_models: v.record(text, whole),
  available: whole,
  /** Reserved, or used without a reservation. */
  in_use: whole,
  /** Out of service and without a holder. */
  drained: whole,
  errors: whole,
  stale: optional(stale),
})

export type ReservationType = v.InferOutput<typeof reservationType>
export type ProcessDocument = v.InferOutput<typeof process>
export type StaleDocument = v.InferOutput<typeof stale>
export type StatusDocument = v.InferOutput<typeof gpu>
export type SummaryDocument = v.InferOutput<typeof summary>
