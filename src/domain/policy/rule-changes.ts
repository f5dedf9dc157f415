import type { RuleChange } from '../ledger/audit.ts'
import type { Policy, Scope } from '../pool/model.ts'
import { type Rule, type RuleKey, rulesOf } from './rules.ts'

/** The rules that differ, with both values. */
export function ruleChanges(before: Policy, after: Policy): readonly RuleChange[] {
  const old = setRules(before)
  const current = setRules(after)
  return [...new Map([...old, ...current])].flatMap(([id, { key, scope }]) => {
    const [was, is] = [old.get(id)?.value ?? null, current.get(id)?.value ?? null]
    return was === is ? [] : [{ kind: 'rule', key, scope, before: was, after: is }]
  })
}

interface SetRule {
  readonly key: RuleKey
  readonly scope: Scope
  readonly value: Rule['value']
}

/** The rules that are not defaults, by key and scope. */
function setRules(policy: Policy): ReadonlyMap<string, SetRule> {
  const rules = rulesOf({ policy }).flatMap(({ key, source, value }): [string, SetRule][] =>
    source.kind === 'default' ? [] : [[`${key} ${idOf(source)}`, { key, scope: source, value }]],
  )
  return new Map(rules)
}

function idOf(scope: Scope): string {
  switch (scope.kind) {
    case 'pool':
      return scope.kind
    case 'account':
      return `${scope.kind} ${scope.uid}`
    case 'group':
      return `${scope.kind} ${scope.gid}`
  }
}
