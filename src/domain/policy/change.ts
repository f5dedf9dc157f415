import { keptTime } from '../ledger/kept-history.ts'
import { poolThreshold } from '../observation/threshold.ts'
import type { Limit, LimitKey, Millis, Policy, Pool, Scope, Stamp } from '../pool/model.ts'

/** Sets one rule. A null value returns it to its default. */
export type PolicyChange =
  | { readonly key: 'allocation'; readonly value: Policy['allocation'] | null }
  | { readonly key: 'memory-threshold'; readonly value: number | null }
  | { readonly key: 'keep-history'; readonly value: Millis | null }
  | { readonly key: LimitKey; readonly scope: Scope; readonly value: number | null }

export const DEFAULT_ALLOCATION: Policy['allocation'] = 'lru'

/** The rules after the change. Returns the same object if the rule has this value already. */
export function changedPolicy(pool: Pick<Pool, 'policy'>, change: PolicyChange, stamp: Stamp): Policy {
  const { policy } = pool
  switch (change.key) {
    case 'allocation': {
      const { value } = change
      if (policy.allocation === (value ?? DEFAULT_ALLOCATION) && !isUnset(policy, 'allocation', value)) {
        return policy
      }
      const stamps = stampsWith(policy, 'allocation', value === null ? undefined : stamp)
      return { ...policy, allocation: value ?? DEFAULT_ALLOCATION, stamps }
    }
    case 'memory-threshold': {
      const { value } = change
      if (value === poolThreshold(pool)) return policy
      if (value === null && policy.memoryThresholdMb === undefined) return policy
      const { memoryThresholdMb: _, ...others } = policy
      const stamps = stampsWith(policy, 'memoryThresholdMb', value === null ? undefined : stamp)
      return { ...others, ...(value === null ? {} : { memoryThresholdMb: value }), stamps }
    }
    case 'keep-history': {
      const { value } = change
      if (value === keptTime(policy) && policy.keepHistoryMs !== undefined) return policy
      if (value === null && policy.keepHistoryMs === undefined) return policy
      const { keepHistoryMs: _, ...others } = policy
      const stamps = stampsWith(policy, 'keepHistoryMs', value === null ? undefined : stamp)
      return { ...others, ...(value === null ? {} : { keepHistoryMs: value }), stamps }
    }
    default:
      return withLimit(policy, change, stamp)
  }
}

function withLimit(
  policy: Policy,
  { key, scope, value }: Extract<PolicyChange, { readonly scope: Scope }>,
  stamp: Stamp,
): Policy {
  const { limits = [] } = policy
  const before = limits.find((limit) => limit.key === key && isSameScope(limit.scope, scope))
  if ((before?.value ?? null) === value) return policy
  const others = limits.filter((limit) => limit !== before)
  const set: readonly Limit[] = value === null ? [] : [{ key, scope, value, ...stamp }]
  return { ...policy, limits: [...others, ...set] }
}

export function isSameScope(a: Scope, b: Scope): boolean {
  switch (a.kind) {
    case 'pool':
      return b.kind === 'pool'
    case 'account':
      return b.kind === 'account' && a.uid === b.uid
    case 'group':
      return b.kind === 'group' && a.gid === b.gid
  }
}

type Stamps = NonNullable<Policy['stamps']>

/** Whether the rule would lose its stamp. */
const isUnset = ({ stamps }: Policy, rule: keyof Stamps, value: unknown): boolean =>
  value === null && stamps?.[rule] !== undefined

/** The stamps with this one for the rule; undefined removes it. */
export function stampsWith({ stamps = {} }: Policy, rule: keyof Stamps, stamp: Stamp | undefined): Stamps {
  const { [rule]: _, ...others } = stamps
  return stamp === undefined ? others : { ...others, [rule]: stamp }
}
