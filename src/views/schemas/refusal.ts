import * as v from 'valibot'
import { RULE_KEYS } from '../../domain/policy/rules.ts'
import { booked } from './booked.ts'
import { drain } from './drain.ts'
import { faultReason } from './status.ts'
import { amount, list, object, oneOf, optional, text, time, whole } from './values.ts'

const held = { gpu_id: whole, user: text, until: optional(time) }

/** A requested GPU that is reserved; `yours`: the refused account holds it. */
const busy = object({ ...held, yours: v.boolean() })

const draining = list(object({ gpu_id: whole, ...drain.entries }))

/** A booking that has not begun. */
const promise = object({ booking: text, user: text, account: text, gpus: whole, from: time, until: time })

const requirements = { gpu_types: optional(list(text)), min_memory_mb: optional(whole) }

/** Where a rule comes from, and the name of the account or group. */
const ruleSource = { source: oneOf(['default', 'pool', 'account', 'group']), name: optional(text) }

/** GPUs that cannot be granted, apart from their reservations. */
const unusable = {
  /** GPUs that are used without a reservation. */
  occupied: list(object({ gpu_id: whole, users: list(text) })),
  /** GPUs that an administrator drained. */
  draining,
  faulty: list(object({ gpu_id: whole, error: text, reason: faultReason })),
}

const short = object({
  code: v.literal('short'),
  requested: whole,
  available: whole,
  ...requirements,
  /** Requested ids that cannot be granted. */
  taken: list(whole),
  /** The number of requests ahead of this one in the queue. */
  ahead: whole,
  busy: list(busy),
  ...unusable,
  /** Free GPUs that a booking needs too soon. */
  booked,
  /** GPUs that were replaced by another. */
  replaced: list(whole),
})

/** The facts behind a refused request. */
export const refusal = v.variant('code', [
  short,
  object({
    code: v.literal('impossible'),
    requested: optional(whole),
    gpu_ids: optional(list(whole)),
    gpus: whole,
    ...requirements,
    /** The number of GPUs that meet the requirements, and the models of the pool. */
    suitable: optional(whole),
    models: optional(list(object({ gpu_model: text, memory_total_mb: optional(whole), gpus: whole }))),
  }),
  object({ code: v.literal('no-such-unit'), gpu_ids: list(whole) }),
  object({ code: v.literal('not-yours'), ...held, requested: list(whole) }),
  object({
    code: v.literal('timed-out'),
    busy: list(busy),
    /** GPUs without a holder that bookings need too soon. */
    booked: optional(booked),
    /** The limit of GPUs that kept the request from starting. */
    limit_reached: optional(
      object({
        used: whole,
        most: whole,
        source: oneOf(['pool', 'account', 'group']),
        name: optional(text),
      }),
    ),
  }),
  object({
    code: v.literal('over-limit'),
    limit: oneOf(['account', 'queue', 'bookings', 'all-bookings', 'gpus', 'duration', 'ahead']),
    /** With `account` and `queue`. */
    waiting: optional(whole),
    /** With `bookings` and `all-bookings`. */
    booked: optional(whole),
    /** With `gpus`. */
    requested: optional(whole),
    used: optional(whole),
    /** When the limit allows the request, by the known ends of the account's reservations or waits. */
    allowed_at: optional(time),
    /** When the account would hold too many GPUs, with its bookings. */
    exceeded_at: optional(time),
    own_bookings: optional(list(promise)),
    most: optional(whole),
    /** With `duration` and `ahead`. */
    requested_seconds: optional(amount),
    most_seconds: optional(amount),
    /** Of an extension: how long the reservation lasts without it. */
    used_seconds: optional(amount),
    source: optional(oneOf(['default', 'pool', 'account', 'group'])),
    name: optional(text),
  }),
  object({ code: v.literal('nothing-to-extend'), gpu_ids: optional(list(whole)) }),
  object({
    code: v.literal('booked'),
    booked,
    requested: optional(whole),
    available: optional(whole),
    /** The longest time for which the request could start now. */
    longest_seconds: optional(amount),
    /** The duration or time limit that the request gave. */
    requested_seconds: optional(amount),
  }),
  /** Bookings for which no GPUs would be left. */
  object({ code: v.literal('breaks-bookings'), lost_bookings: list(promise) }),
  object({ code: v.literal('bookings-off'), ...ruleSource }),
  object({ code: v.literal('past'), from: time }),
  object({
    code: v.literal('unbookable'),
    requested: whole,
    available: whole,
    from: time,
    until: time,
    busy: list(busy),
    ...unusable,
    booked,
    /** A later begin that would fit. */
    earliest: optional(time),
  }),
  object({ code: v.literal('no-such-booking'), id: text }),
  object({
    code: v.literal('policy-needs'),
    rule: oneOf(RULE_KEYS),
    missing: list(oneOf(RULE_KEYS)),
    /** Where the rule is on, if one that it needs would be removed. */
    on: optional(list(object(ruleSource))),
  }),
  object({ code: v.literal('draining'), draining }),
  object({
    code: v.literal('promised'),
    /** A later begin of a booking that would delay nobody. */
    earliest: optional(time),
  }),
  object({ code: v.literal('gone') }),
  object({ code: v.literal('forbidden') }),
  object({
    code: v.literal('nothing-to-claim'),
    claimable: whole,
    /** A process on the GPU whose owner is unknown. */
    hidden_pid: optional(whole),
    /** Memory in use that belongs to no known process. */
    unexplained: optional(object({ gpu_id: whole, memory_mb: amount })),
  }),
  object({ code: v.literal('owners-unknown') }),
  object({ code: v.literal('already-initialized'), gpus: whole }),
  object({ code: v.literal('too-few-devices'), requested: whole, shown: whole, provider: text }),
  object({ code: v.literal('devices-missing'), gpu_ids: list(whole), gpus: whole, shown: whole }),
])

export type RefusalDocument = v.InferOutput<typeof refusal>
