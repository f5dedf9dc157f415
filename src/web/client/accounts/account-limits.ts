import type { AccountDocument } from '../../../views/schemas/accounts.ts'
import type { PolicyDocument, RuleDocument } from '../../../views/schemas/policy.ts'

type LimitName = RuleDocument['rule']

/** The limits of one account. */
export interface AccountLimits {
  /** Undefined: it depends on the account's Unix groups, which are not known here. */
  rule(name: LimitName): RuleDocument | undefined
}

/**
 * The limits of an account. The server does not list an account that has nothing now and no limit of its own; then the
 * rules for everyone hold, unless there is one for a group.
 */
export function limitsOf(account: AccountDocument | undefined, policy: PolicyDocument | null): AccountLimits {
  return {
    rule(name) {
      if (account !== undefined) return account.limits.find(({ rule }) => rule === name)
      const rules = policy?.rules.filter(({ rule }) => rule === name) ?? []
      if (rules.some(({ source }) => source === 'group')) return undefined
      return rules.find(({ source }) => source === 'pool' || source === 'default')
    },
  }
}

/** `max-gpus of group students`; nothing for a default. */
export function sourceWords(rule: RuleDocument | undefined): string {
  if (rule === undefined) return 'depends on its Unix groups'
  switch (rule.source) {
    case 'default':
      return rule.value === null ? '' : `${rule.rule}, default`
    case 'pool':
      return `${rule.rule} of this pool`
    case 'group':
    case 'account':
      return `${rule.rule} of ${rule.source} ${rule.name}`
  }
}

/** `2 of 4`, or `2` without a limit. */
export const usedWords = (used: number, limit: RuleDocument | undefined): string =>
  limit?.amount === undefined ? String(used) : `${used} of ${limit.amount}`
