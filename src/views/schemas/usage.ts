import * as v from 'valibot'
import { OUTCOMES } from '../../domain/pool/model.ts'
import { reservationType } from './status.ts'
import { amount, date, list, object, oneOf, optional, text, time, whole } from './values.ts'

const usage = {
  gpu_hours: amount,
  percentage: amount,
  /** Reservations for a command. */
  run: whole,
  /** Reservations for a fixed time. */
  manual: whole,
}

/** `report --json` and `/api/report`. */
export const report = object({
  days: whole,
  from: time,
  to: time,
  /** Before it only the sums of whole days (UTC) are kept, and a reservation counts on the day on which it ended. */
  sums_until: optional(time),
  /** Most GPU hours first. */
  users: list(
    object({
      user: text,
      account: text,
      /** Absent in a report of several hosts: uids differ by host. */
      uid: optional(whole),
      ...usage,
    }),
  ),
  total: object(usage),
  total_reservations: whole,
  unique_users: whole,
})

const day = object({
  /** Like 2026-03-14, in the time zone of the server. */
  date,
  gpu_hours: amount,
  /** Most hours first. */
  users: list(object({ user: text, gpu_hours: amount })),
})

/** `/api/daily`: GPU hours per day by user; one item for each of the last days, today last. */
export const daily = object({ days: list(day) })

/** One GPU's part of one reservation. */
export const historyRecord = object({
  reservation: text,
  gpu_id: whole,
  user: text,
  account: text,
  type: reservationType,
  started_at: time,
  /** Absent, like `outcome`, while it is still held. */
  ended_at: optional(time),
  outcome: optional(oneOf(OUTCOMES)),
  ended_by: optional(
    v.pipe(text, v.description('The account that reset the pool or released GPUs of another account')),
  ),
  note: optional(text),
})

/** `/api/history`. */
export const history = object({
  from: time,
  to: time,
  /** Oldest start first. */
  records: list(historyRecord),
  left_out: optional(v.pipe(whole, v.description('Number of omitted records; the oldest are omitted'))),
})

export type ReportDocument = v.InferOutput<typeof report>
export type DailyDocument = v.InferOutput<typeof daily>
export type DayDocument = v.InferOutput<typeof day>
export type HistoryDocument = v.InferOutput<typeof history>
export type HistoryRecordDocument = v.InferOutput<typeof historyRecord>
