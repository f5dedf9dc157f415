import { ERROR_CODES } from '../../domain/errors.ts'
import { SNAPSHOT_VERSION } from '../../domain/fleet/snapshot.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { DrainDocument } from '../schemas/drain.ts'
import type { QueuePart, StatusPart, UsagePart } from '../schemas/fleet.ts'
import type { QueueDocument, UnavailableGpuDocument } from '../schemas/queue.ts'
import type { ProcessDocument, StaleDocument, StatusDocument } from '../schemas/status.ts'
import { STATES } from '../words/status/states.ts'
import {
  amount,
  date,
  list,
  number,
  object,
  oneOf,
  optional,
  parsed,
  position,
  type Read,
  text,
  time,
  whole,
} from './checked.ts'
import { withoutExpired } from './expired.ts'

type Item<List> = List extends readonly (infer Each)[] ? Each : never
type Present<Value> = Exclude<Value, undefined>

const head = { version: oneOf([SNAPSHOT_VERSION]), next_sign_seconds: optional(whole) }
const reservationType = oneOf(['RUN', 'MANUAL', 'BOOKING'])
const faultReason = object<Present<StatusDocument['reason']>>({
  code: oneOf(['reported', 'replaced', 'missing', 'unanswered']),
})
const drain = object<DrainDocument>({ by: text, since: time, reason: optional(text) })
const next = { booking: text, user: text, from: time, until: time }

const gpu: Read<StatusDocument> = object<StatusDocument>({
  gpu_id: whole,
  status: oneOf(Object.values(STATES).map(({ json }) => json)),
  gpu_model: text,
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
  temperature_c: optional(number),
  power_w: optional(amount),
  processes: optional(
    list(
      object<ProcessDocument>({ pid: whole, name: text, user: optional(text), memory_mb: optional(amount) }),
    ),
  ),
  error: optional(text),
  reason: optional(faultReason),
  unreserved_users: optional(list(text)),
  other_users: optional(list(text)),
  drain: optional(drain),
  booked: optional(object<Present<StatusDocument['booked']>>(next)),
  details: optional(text),
  validation: optional(text),
  stale: optional(
    object<StaleDocument>({ reason: text, reason_code: oneOf(ERROR_CODES), since: optional(time) }),
  ),
})

const unavailableGpu = object<UnavailableGpuDocument>({
  gpu_id: whole,
  status: oneOf(['DRAINED', 'ERROR', 'UNRESERVED', 'UNCHECKED']),
  error: optional(text),
  reason: optional(faultReason),
  unreserved_users: optional(list(text)),
  drain: optional(drain),
})

const place: Read<QueueDocument> = object<QueueDocument>({
  position,
  user: text,
  account: text,
  type: reservationType,
  request: text,
  gpus: whole,
  gpu_ids: optional(list(whole)),
  gpu_types: optional(list(text)),
  min_memory_mb: optional(whole),
  waiting_since: time,
  waiting_seconds: whole,
  gives_up_at: optional(time),
  reason: text,
  reason_code: oneOf(['short', 'booked', 'behind', 'over-limit', 'next', 'unanswered', 'stopped']),
  free: optional(whole),
  unavailable_gpus: optional(list(unavailableGpu)),
  booked: optional(list(object<Item<Present<QueueDocument['booked']>>>({ gpu_id: whole, ...next }))),
  behind_position: optional(position),
  used: optional(whole),
  most: optional(whole),
  source: optional(oneOf(['pool', 'account', 'group'])),
  name: optional(text),
  driver_trouble: optional(text),
  driver_trouble_code: optional(oneOf(ERROR_CODES)),
  earliest_start: optional(time),
  note: optional(text),
})

type Day = Item<UsagePart['days']>

const day = object<Day>({
  date,
  users: list(
    object<Item<Day['users']>>({ user: text, account: text, gpu_hours: amount, run: whole, manual: whole }),
  ),
})

const statusPart = object<StatusPart>({
  ...head,
  waiting: whole,
  gpus: list(gpu),
})
const queuePart = object<QueuePart>({ ...head, places: list(place), left_out: optional(whole) })
const usagePart = object<UsagePart>({ ...head, days: list(day) })

/**
 * What another host says, checked; undefined for anything that this version does not understand. `age`: the time since
 * it said so.
 */
export function readStatusPart(json: string, age: Millis): StatusPart | undefined {
  const part = parsed(json, statusPart)
  return part === undefined ? undefined : withoutExpired(part, age)
}
export const readQueuePart = (json: string): QueuePart | undefined => parsed(json, queuePart)
export const readUsagePart = (json: string): UsagePart | undefined => parsed(json, usagePart)
