import type { Account, Limit, LimitKey, Millis, Policy, Scope } from '../pool/model.ts'

/** An account and its Unix groups. */
export interface Subject {
  readonly account: Account
  readonly groups: readonly number[]
}

/** The most units that the requests of one account may hold together. */
export interface Cap {
  /** See `limitedAs`. */
  readonly account: number
  readonly most: number
  readonly scope: Scope
}

/**
 * The most requests of an account that may wait, unless a limit sets another number. Its
 * bookings have the same limit. Every command reads them all.
 */
export const MOST_ENTRIES_PER_ACCOUNT = 256

/** The most bookings of all accounts. */
export const MOST_BOOKINGS = 1_024

/** How far ahead a booking may begin, unless a limit sets another time. */
export const DEFAULT_BOOKED_AHEAD: Millis = 7 * 86_400_000

/**
 * The limit of the account itself, else of its groups, else of the pool. Of several groups the largest value counts, so
 * that another group never takes anything away.
 */
export function limitFor({ limits = [] }: Policy, key: LimitKey, subject: Subject): Limit | undefined {
  let ofPool: Limit | undefined
  let ofGroup: Limit | undefined
  for (const limit of limits) {
    if (limit.key !== key || !isFor(limit.scope, subject)) continue
    if (limit.scope.kind === 'account') return limit
    if (limit.scope.kind === 'pool') ofPool = limit
    else if (ofGroup === undefined || limit.value > ofGroup.value) ofGroup = limit
  }
  return ofGroup ?? ofPool
}

/** Whether a limit with this scope is for the account. Another limit may come before it. */
export function isFor(scope: Scope, { account, groups }: Subject): boolean {
  switch (scope.kind) {
    case 'pool':
      return true
    case 'account':
      return scope.uid === account.uid
    case 'group':
      return groups.includes(scope.gid)
  }
}

export function capOf(policy: Policy, subject: Subject): Cap | undefined {
  const limit = limitFor(policy, 'max-gpus', subject)
  return limit === undefined
    ? undefined
    : { account: limitedAs(subject.account), most: limit.value, scope: limit.scope }
}

/** Where bookings are on. If any account may book GPUs, every run has a known end. */
export const bookingScopes = ({ limits = [] }: Pick<Policy, 'limits'>): readonly Scope[] =>
  limits.flatMap(({ key, value, scope }) => (key === 'bookings' && value === 1 ? [scope] : []))

/** The duration of a request without one, and the longest allowed duration; absent: no limit. */
export function durationsFor(
  policy: Policy,
  subject: Subject,
): { readonly usual?: Millis; readonly longest?: Millis } {
  const longest = limitFor(policy, 'max-duration', subject)?.value
  const usual = limitFor(policy, 'default-duration', subject)?.value
  return {
    ...(usual === undefined ? {} : { usual: Math.min(usual, longest ?? usual) }),
    ...(longest === undefined ? {} : { longest }),
  }
}

/**
 * The groups of an account that its queue entry stores. A limit for any of them may be set while it waits. Of an account
 * with more groups, those that a limit names come first.
 */
export function storedGroups({ limits = [] }: Policy, groups: readonly number[]): readonly number[] {
  const all = [...new Set(groups)].sort((a, b) => a - b)
  if (all.length <= MOST_GROUPS) return all
  const named = new Set(limits.map(({ scope }) => (scope.kind === 'group' ? scope.gid : undefined)))
  const isNamed = (gid: number) => named.has(gid)
  return [...all.filter(isNamed), ...all.filter((gid) => !isNamed(gid))].slice(0, MOST_GROUPS)
}

const MOST_GROUPS = 64

/**
 * The account as limits count it. A process in its own user namespace can have any uid, so all such processes together
 * count as one account.
 */
export const limitedAs = ({ uid, userNamespace }: Account): number =>
  userNamespace === undefined ? uid : OTHER_NAMESPACES

const OTHER_NAMESPACES = -1
