import type { Rule } from '../../domain/policy/rules.ts'
import type { Scope } from '../../domain/pool/model.ts'
import type { PolicyDocument, RuleDocument } from '../schemas/policy.ts'
import type { ShownPolicy } from '../words/policy-words.ts'
import { isDuration, ruleValue } from '../words/rule-value.ts'
import { timestamp } from './status-document.ts'

export const policyDocument = ({ rules, isAdvisory }: ShownPolicy): PolicyDocument => ({
  advisory: isAdvisory,
  rules: rules.map(ruleDocument),
})

export const ruleDocument = (rule: Rule): RuleDocument => ({
  rule: rule.key,
  value: rule.value === null ? null : ruleValue(rule),
  ...amountOf(rule),
  ...(rule.source.kind === 'default' ? { source: 'default' } : sourceDocument(rule.source)),
  ...(rule.own === undefined ? {} : { in_force: rule.own.isInForce }),
  ...(rule.own?.used === undefined ? {} : { used: rule.own.used }),
  ...(rule.own?.booked === undefined ? {} : { booked: rule.own.booked }),
  ...(rule.stamp === undefined ? {} : { set_by: rule.stamp.by.name, set_at: timestamp(rule.stamp.at) }),
})

/** The value as a number: GPUs, requests, MB or seconds. */
function amountOf({ key, value }: Rule): { readonly amount?: number } {
  if (typeof value !== 'number' || key === 'bookings') return {}
  return { amount: isDuration(key) ? value / 1000 : value }
}

/** The source of a limit, with the name of its account or group. */
export const sourceDocument = (scope: Scope) =>
  scope.kind === 'pool' ? { source: scope.kind } : { source: scope.kind, name: scope.name }
