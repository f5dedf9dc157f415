import * as v from 'valibot'
import { RULE_KEYS } from '../../domain/policy/rules.ts'
import { amount, list, object, oneOf, optional, text, time, whole } from './values.ts'

export const rule = object({
  rule: oneOf(RULE_KEYS),
  /** As `policy set` accepts it; null: no limit. */
  value: v.nullable(text),
  /** The value as a number: GPUs, requests, MB or seconds. */
  amount: optional(amount),
  source: oneOf(['default', 'pool', 'account', 'group']),
  /** The account or group. */
  name: optional(text),
  /** Whether this value counts for the caller; absent: the rule is for others. */
  in_force: optional(v.boolean()),
  /** With `in_force`: how many GPUs or requests the caller has now. */
  used: optional(whole),
  /** With `max-waiting`, which also limits bookings: how many the caller has. Absent if it has none and may not book. */
  booked: optional(whole),
  set_by: optional(text),
  set_at: optional(time),
})

/** `policy --json`, also after a change. */
export const policy = object({
  /** Whether any user could change the file of the pool. */
  advisory: v.boolean(),
  rules: list(rule),
})

export type RuleDocument = v.InferOutput<typeof rule>
export type PolicyDocument = v.InferOutput<typeof policy>
