import * as v from 'valibot'
import { RULE_KEYS } from '../../domain/policy/rules.ts'
import { list, object, oneOf, optional, text, time, whole } from './values.ts'

const change = object({
  at: time,
  by: text,
  uid: whole,
  /** The account that logged in, if that is another one. */
  login: optional(text),
  login_uid: optional(whole),
  change: oneOf(['rule', 'drain', 'restore', 'refresh', 'cancel', 'set-up']),
  /** With `rule`: the rule, its scope, and the values as `policy set` accepts them; null: not set. */
  rule: optional(oneOf(RULE_KEYS)),
  source: optional(oneOf(['pool', 'account', 'group'])),
  name: optional(text),
  before: optional(v.nullable(text)),
  after: optional(v.nullable(text)),
  /** With `drain`, `restore` and `refresh`. */
  gpu_ids: optional(list(whole)),
  /** With `set-up` and `cancel`. */
  gpus: optional(whole),
  /** With `cancel`: the booking of another account that was cancelled, or could not be kept by a set-up. */
  booking: optional(text),
  user: optional(text),
  account: optional(text),
  from: optional(time),
  until: optional(time),
  /** With `set-up`; `reset`: it replaced an earlier pool. */
  provider: optional(text),
  reset: optional(v.boolean()),
  reason: optional(text),
})

/** `policy --history --json`, newest first. */
export const audit = object({
  /** Whether any user could change the file of the pool. */
  advisory: v.boolean(),
  changes: list(change),
})

export type ChangeDocument = v.InferOutput<typeof change>
export type AuditDocument = v.InferOutput<typeof audit>
