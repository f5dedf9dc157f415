import type { Rule } from '../../domain/policy/rules.ts'
import { printable } from '../../domain/text/text.ts'
import { logTime } from './clock-time.ts'
import type { Display, Printed } from './printed.ts'
import { ruleValue } from './rule-value.ts'
import { table } from './table.ts'

export interface ShownPolicy {
  readonly rules: readonly Rule[]
  /** Whether any user could change the file of the pool. */
  readonly isAdvisory: boolean
}

const ADVISORY =
  'The policy is advisory: every user of this pool can write its file. The daemon enforces it.\n'

export function policyText({ rules, isAdvisory }: ShownPolicy, { columns }: Display): Printed {
  return {
    stdout: `${table(HEADER, rules.map(row), columns)}${useWords(rules)}`,
    ...(isAdvisory ? { stderr: ADVISORY } : {}),
  }
}

const HEADER = ['RULE', 'VALUE', 'SOURCE', 'FOR YOU', 'SET BY', 'SET AT']

const row = (rule: Rule): readonly string[] => [
  rule.key,
  ruleValue(rule),
  sourceWords(rule.source),
  rule.own === undefined ? '' : rule.own.isInForce ? 'in force' : 'overridden',
  printable(rule.stamp?.by.name ?? ''),
  rule.stamp === undefined ? '' : logTime(rule.stamp.at),
]

const sourceWords = (source: Rule['source']): string =>
  source.kind === 'account' || source.kind === 'group'
    ? `${source.kind} ${printable(source.name)}`
    : source.kind

/** `You: 2 of 4 GPUs held, 1 of 16 requests waiting, 3 of 16 bookings`, by the limits in force. */
function useWords(rules: readonly Rule[]): string {
  const parts = rules.flatMap(({ key, value, own }) => {
    if (own?.used === undefined) return []
    const amount = (used: number) => (value === null ? String(used) : `${used} of ${value}`)
    if (key === 'max-gpus') return [`${amount(own.used)} GPUs held`]
    const bookings = own.booked === undefined ? [] : [`${amount(own.booked)} bookings`]
    return [`${amount(own.used)} requests waiting`, ...bookings]
  })
  return parts.length === 0 ? '' : `You: ${parts.join(', ')}\n`
}
