import type { SnapshotDocument } from '../../../views/schemas/dashboard.ts'
import type { DrainDocument } from '../../../views/schemas/drain.ts'
import type { BookingDocument } from '../../../views/schemas/schedule.ts'
import type { StatusDocument } from '../../../views/schemas/status.ts'
import type { HistoryRecordDocument } from '../../../views/schemas/usage.ts'
import { shownUser } from '../users.ts'

interface Span {
  readonly gpu: number
  readonly from: number
  /** Infinite if no end is known. */
  readonly to: number
}

/** A reservation on one GPU, up to now. */
export interface HeldBar extends Span {
  readonly kind: 'held'
  readonly user: string
  readonly record: HistoryRecordDocument
}

/** The time from now on for which the holder may keep a GPU. */
export interface ExpectedBar extends Span {
  readonly kind: 'expected'
  readonly user: string
  /** The latest end; null if it is not known. */
  readonly end: number | null
}

/** A GPU out of service, until somebody restores it. */
export interface DrainedBar extends Span {
  readonly kind: 'drained'
  readonly drain: DrainDocument
}

/** A booking that has not begun. */
export interface BookedBar extends Span {
  readonly kind: 'booked'
  readonly user: string
  readonly booking: BookingDocument
}

export type Bar = HeldBar | ExpectedBar | DrainedBar | BookedBar

/** What the timeline shows of the present and the future. */
export type Current = Pick<SnapshotDocument, 'status' | 'schedule'>

/** The bars of the timeline. Later ones cover earlier ones. */
export function barsOf(
  records: readonly HistoryRecordDocument[],
  { status, schedule }: Current,
  now: number,
): readonly Bar[] {
  return [
    ...status.flatMap(drainedBars),
    ...status.flatMap((gpu) => expectedBars(gpu, now)),
    ...schedule.bookings.flatMap(bookedBars),
    ...records.map((record) => heldBar(record, now)),
  ]
}

function drainedBars({ gpu_id: gpu, drain }: StatusDocument): readonly DrainedBar[] {
  if (drain === undefined) return []
  return [{ kind: 'drained', gpu, from: Date.parse(drain.since), to: Number.POSITIVE_INFINITY, drain }]
}

function expectedBars(gpu: StatusDocument, now: number): readonly ExpectedBar[] {
  if (gpu.user === undefined) return []
  const expiry = gpu.expiry_time === undefined ? null : Date.parse(gpu.expiry_time)
  // A run that continues after its time limit has no known end.
  const end = expiry !== null && expiry > now ? expiry : null
  const user = shownUser(gpu.user, gpu.account)
  return [{ kind: 'expected', gpu: gpu.gpu_id, user, from: now, to: end ?? Number.POSITIVE_INFINITY, end }]
}

/** The reservation of a booking that has begun is in the history. */
function bookedBars(booking: BookingDocument): readonly BookedBar[] {
  if (booking.begun_at !== undefined) return []
  const user = shownUser(booking.user, booking.account)
  const [from, to] = [Date.parse(booking.from), Date.parse(booking.until)]
  return booking.planned_gpu_ids.map((gpu) => ({ kind: 'booked', gpu, user, from, to, booking }))
}

const heldBar = (record: HistoryRecordDocument, now: number): HeldBar => ({
  kind: 'held',
  gpu: record.gpu_id,
  user: shownUser(record.user, record.account),
  from: Date.parse(record.started_at),
  to: record.ended_at === undefined ? now : Date.parse(record.ended_at),
  record,
})
