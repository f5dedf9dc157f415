import { allowedFrom, unitsHeld } from '../policy/account-use.ts'
import { durationsFor, limitFor, storedGroups } from '../policy/limits.ts'
import type { Millis, Policy, Pool, Scope } from '../pool/model.ts'
import type { Conditions } from '../schedule/conditions.ts'
import { countedGrace, DEFAULT_GRACE, runWithin, sizeOf } from '../schedule/demand.ts'
import { ownBookings } from '../schedule/peak-use.ts'
import { openingsFor } from '../schedule/startable.ts'
import { NEVER } from '../schedule/term-times.ts'
import { demandIn, type Intent, type RequestedTerm, subjectOf } from './intent.ts'
import type { OverLimit } from './refusal.ts'

/** The intent with the groups of its account, and with the pool's default duration if it has none. */
export function limitedIntent(policy: Policy, intent: Intent, groups: readonly number[] = []): Intent {
  const { groups: _, ...request } = intent
  const stored = storedGroups(policy, groups)
  const subject = { account: intent.owner.account, groups: stored }
  return {
    ...request,
    term: termWithDefault(intent.term, durationsFor(policy, subject)),
    ...(stored.length === 0 ? {} : { groups: stored }),
  }
}

/**
 * A run without a time limit gets the longest one if there is no default, because its end must be known; or if it ends
 * when a booking begins.
 */
function termWithDefault(
  term: RequestedTerm,
  { usual, longest }: ReturnType<typeof durationsFor>,
): RequestedTerm {
  switch (term.kind) {
    case 'run': {
      const { timeout, untilBooked } = term
      const after = untilBooked === undefined ? (usual ?? longest) : (longest ?? usual)
      if (timeout !== undefined || after === undefined) return term
      const grace = untilBooked?.grace ?? DEFAULT_GRACE
      return { ...term, timeout: { after: runWithin({ after, longest }, grace), grace } }
    }
    case 'manual':
      if (term.isDefault === undefined) return term
      return { ...term, duration: usual ?? Math.min(term.duration, longest ?? term.duration) }
  }
}

/** The limit that the request exceeds whatever the account holds; null if there is none. */
export function limitNeverAllowing(pool: Pool, intent: Intent, now: Millis): OverLimit | null {
  const { policy } = pool
  const { asked, grace } = askedDuration(intent.term)
  const duration = limitFor(policy, 'max-duration', subjectOf(intent))
  if (duration !== undefined && asked !== undefined && asked > duration.value) {
    return {
      ...over(duration.scope),
      limit: 'duration',
      most: duration.value,
      asked,
      ...(grace > 0 ? { grace } : {}),
    }
  }
  // An entry that waits keeps its place: the limit was lowered, and may be raised again.
  if (pool.queue.some(({ id }) => id === intent.id)) return null
  const gpus = limitFor(policy, 'max-gpus', subjectOf(intent))
  const requested = sizeOf(intent.request)
  if (gpus === undefined || requested <= gpus.value) return null
  return {
    ...over(gpus.scope),
    limit: 'gpus',
    most: gpus.value,
    requested,
    used: unitsHeld(pool, intent.owner.account, now),
  }
}

function askedDuration(term: RequestedTerm): { readonly asked?: Millis; readonly grace: Millis } {
  if (term.kind === 'manual') return { asked: term.duration, grace: 0 }
  if (term.timeout === undefined) return { grace: 0 }
  const grace = countedGrace(term.timeout.grace)
  return { asked: term.timeout.after + grace, grace }
}

/** The limit that keeps the request from starting now; null if there is none. */
export function limitReached(pool: Pool, intent: Intent, conditions: Conditions): OverLimit | null {
  const limit = limitFor(pool.policy, 'max-gpus', subjectOf(intent))
  const demand = demandIn(intent, pool)
  const { cap } = demand
  if (limit === undefined || cap === undefined) return null
  const openings = openingsFor(pool, intent.id, conditions)
  if (openings.allows(demand)) return null
  const requested = sizeOf(intent.request)
  const { units: used, at } = openings.peakFor(demand)
  const frees = allowedFrom(pool, intent.owner.account, {
    ...{ further: requested, most: cap.most, now: conditions.now },
    duration: demand.duration ?? NEVER,
  })
  return {
    ...{ ...over(limit.scope), limit: 'gpus', most: cap.most, requested, used },
    ...(at > conditions.now
      ? { at, ...ownBookings(pool, cap.account, at) }
      : frees === undefined
        ? {}
        : { frees: { at: frees, now: conditions.now } }),
  }
}

const over = (scope: Scope) => ({ code: 'over-limit' as const, scope })
