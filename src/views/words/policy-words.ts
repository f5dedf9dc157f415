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
    stdout: table(['RULE', 'VALUE', 'SOURCE', 'SET BY', 'SET AT'], rules.map(row), columns),
    ...(isAdvisory ? { stderr: ADVISORY } : {}),
  }
}

const row = (rule: Rule): readonly string[] => [
  rule.key,
  ruleValue(rule),
  sourceWords(rule.source),
  printable(rule.stamp?.by.name ?? ''),
  rule.stamp === undefined ? '' : logTime(rule.stamp.at),
]

const sourceWords = (source: Rule['source']): string =>
  source.kind === 'account' || source.kind === 'group'
    ? `${source.kind} ${printable(source.name)}`
    : source.kind
