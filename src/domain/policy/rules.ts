import { keptTime } from '../ledger/kept-history.ts'
import { poolThreshold } from '../observation/threshold.ts'
import {
  LIMIT_KEYS,
  type Limit,
  type LimitKey,
  type Policy,
  type Pool,
  type Scope,
  type Stamp,
} from '../pool/model.ts'
import { DEFAULT_ALLOCATION } from './change.ts'
import { DEFAULT_BOOKED_AHEAD, limitFor, MOST_ENTRIES_PER_ACCOUNT, type Subject } from './limits.ts'

export const RULE_KEYS = ['allocation', 'memory-threshold', ...LIMIT_KEYS, 'keep-history'] as const
export type RuleKey = (typeof RULE_KEYS)[number]

/** A rule in force, and where its value comes from. */
export interface Rule {
  readonly key: RuleKey
  /** Null: no limit. */
  readonly value: Policy['allocation'] | number | null
  readonly source: { readonly kind: 'default' } | Scope
  /** Absent for a default, and for a rule from a time when this was not recorded. */
  readonly stamp?: Stamp
  /** What it means for the account that asks; absent if it is for others. */
  readonly own?: OwnRule
}

export interface OwnRule {
  /** Whether this value counts for the account. Otherwise another one comes first. */
  readonly isInForce: boolean
  /** How much of a limit in force the account uses now: GPUs or requests. */
  readonly used?: number
  /** With `max-waiting`: the number of its bookings, to which the same limit applies; absent: it has none and may have none. */
  readonly booked?: number
}

/** All rules in the order of their keys; for each key first the pool's, then those of groups and of accounts. */
export function rulesOf(pool: Pick<Pool, 'policy'>): readonly Rule[] {
  const { policy } = pool
  const limits = LIMIT_KEYS.flatMap((key) => limitsIn(policy, key))
  return [allocationIn(policy), thresholdIn(pool), ...limits, keptIn(policy)]
}

/** The limit that holds for an account: that of the account, of its groups or of the pool, else the default. */
export function ruleFor(policy: Policy, key: LimitKey, subject: Subject): Rule {
  const limit = limitFor(policy, key, subject)
  return limit === undefined ? defaultRule(key) : ruleOf(limit)
}

function allocationIn({ allocation, stamps }: Policy): Rule {
  const stamp = stamps?.allocation
  const isDefault = stamp === undefined && allocation === DEFAULT_ALLOCATION
  return {
    ...{ key: 'allocation', value: allocation, source: { kind: isDefault ? 'default' : 'pool' } },
    ...(stamp === undefined ? {} : { stamp }),
  }
}

function thresholdIn(pool: Pick<Pool, 'policy'>): Rule {
  const { memoryThresholdMb, stamps } = pool.policy
  const stamp = stamps?.memoryThresholdMb
  return {
    ...{ key: 'memory-threshold', value: poolThreshold(pool) },
    source: { kind: memoryThresholdMb === undefined ? 'default' : 'pool' },
    ...(stamp === undefined ? {} : { stamp }),
  }
}

function keptIn(policy: Policy): Rule {
  const stamp = policy.stamps?.keepHistoryMs
  return {
    ...{ key: 'keep-history', value: keptTime(policy) },
    source: { kind: policy.keepHistoryMs === undefined ? 'default' : 'pool' },
    ...(stamp === undefined ? {} : { stamp }),
  }
}

function limitsIn({ limits = [] }: Policy, key: LimitKey): readonly Rule[] {
  const set = limits
    .filter((limit) => limit.key === key)
    .toSorted((a, b) => rank(a.scope) - rank(b.scope) || compareNames(a.scope, b.scope))
    .map(ruleOf)
  return set[0]?.source.kind === 'pool' ? set : [defaultRule(key), ...set]
}

/** Without a default there is no limit. */
const DEFAULTS: { readonly [Key in LimitKey]?: number } = {
  'max-waiting': MOST_ENTRIES_PER_ACCOUNT,
  bookings: 0,
  'max-booked-ahead': DEFAULT_BOOKED_AHEAD,
}

const ruleOf = ({ key, value, scope, by, at }: Limit): Rule => ({
  ...{ key, value, source: scope, stamp: { by, at } },
})

const defaultRule = (key: LimitKey): Rule => ({
  ...{ key, value: DEFAULTS[key] ?? null, source: { kind: 'default' } },
})

const rank = ({ kind }: Scope): number => ['pool', 'group', 'account'].indexOf(kind)

const nameOf = (scope: Scope): string => (scope.kind === 'pool' ? '' : scope.name)

const compareNames = (a: Scope, b: Scope): number =>
  nameOf(a) === nameOf(b) ? 0 : nameOf(a) < nameOf(b) ? -1 : 1
