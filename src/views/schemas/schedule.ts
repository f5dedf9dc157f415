import * as v from 'valibot'
import { reservationType, state } from './status.ts'
import { list, object, oneOf, optional, text, time, whole } from './values.ts'

/** A booking: `reserve --at --json`, and a part of `schedule --json`. */
export const booking = object({
  /** Its id, also of the reservation that it becomes. */
  booking: text,
  user: text,
  account: text,
  from: time,
  until: time,
  /** Text for people: what it is for. The next fields have the same content for programs. */
  request: text,
  /** The number of GPUs; `gpu_ids` has the GPUs of a request for exact ones. */
  gpus: whole,
  gpu_ids: optional(list(whole)),
  gpu_types: optional(list(text)),
  min_memory_mb: optional(whole),
  /** Of a booking of a number of GPUs, others may replace these until it begins. */
  planned_gpu_ids: list(whole),
  /** Absent until its reservation begins. */
  begun_at: optional(time),
  note: optional(text),
})

/** A part of the time of one GPU. */
export const period = object({
  /** `UNAVAILABLE`: drained, faulty, or in use without a reservation, and for how long is not known. */
  state: oneOf(['FREE', 'HELD', 'BOOKED', 'UNAVAILABLE']),
  from: time,
  /** Absent: its end is unknown. */
  until: optional(time),
  /** Of a `HELD` period, and of a `BOOKED` one: the id in `bookings`. */
  reservation: optional(text),
  user: optional(text),
  account: optional(text),
  /** Of a `HELD` period. */
  type: optional(reservationType),
  note: optional(text),
})

/** `schedule --json` and `/api/schedule`. */
export const schedule = object({
  at: time,
  /** Earliest begin first. */
  bookings: list(booking),
  /** The periods of each GPU from now on; the first one may have begun earlier. */
  gpus: list(object({ gpu_id: whole, status: state, periods: list(period) })),
  left_out: optional(
    v.pipe(
      whole,
      v.description('Number of omitted bookings; the latest are omitted, and the periods end before them'),
    ),
  ),
})

export type BookingDocument = v.InferOutput<typeof booking>
export type PeriodDocument = v.InferOutput<typeof period>
export type ScheduleDocument = v.InferOutput<typeof schedule>
