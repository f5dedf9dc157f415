import * as v from 'valibot'
import { LIMIT_KEYS } from '../../domain/pool/model.ts'
import { rule } from './policy.ts'
import { list, object, oneOf, optional, text, time, whole } from './values.ts'

/** What an account has now, and its limits. */
export const account = object({
  /** This and `uid` are absent with `user_namespaces`. */
  account: optional(text),
  uid: optional(whole),
  user_namespaces: optional(
    v.pipe(
      v.literal(true),
      v.description(
        'All accounts in user namespaces of their own (rootless containers); limits count them as one',
      ),
    ),
  ),
  /** The number of GPUs that it holds. */
  gpus: whole,
  gpu_ids: list(whole),
  /** Its requests in the queue. */
  waiting: whole,
  /** Its bookings that have not begun. */
  bookings: whole,
  /** The earliest known end of its reservations. */
  next_end: optional(time),
  allowed_at: optional(
    v.pipe(
      time,
      v.description('At its limit: when it may have one more GPU, by the known ends of its reservations'),
    ),
  ),
  /** The rules that hold for it. */
  limits: list(rule),
  unknown_limits: optional(
    v.pipe(
      list(oneOf(LIMIT_KEYS)),
      v.description('Limits that may come from one of its Unix groups, which are not known'),
    ),
  ),
})

/** `/api/accounts`: the accounts that hold GPUs, wait, have a booking or a limit of their own. */
export const accounts = list(account)

export type AccountDocument = v.InferOutput<typeof account>
