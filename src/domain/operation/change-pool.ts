import { adopted, matchDevices } from '../observation/devices.ts'
import { changedPolicy, type PolicyChange } from '../policy/change.ts'
import { bookingScopes } from '../policy/limits.ts'
import { ruleChanges } from '../policy/rule-changes.ts'
import type { LimitKey, Policy, Pool, Unit } from '../pool/model.ts'
import { observationIn } from './acquire.ts'
import { isPossible } from './acquisition.ts'
import { audited } from './audited.ts'
import { withoutBroken } from './kept-bookings.ts'
import type { Context, Done, Operation } from './operation.ts'
import { isRefusal } from './refusal.ts'

/**
 * Stores the UUIDs, names and memory that the driver reports, for all units or for none. Requests that these units can
 * never meet leave the queue; their waiters are refused when they ask again. Bookings get other units if they must; if
 * there are none, the change is refused.
 */
export function adoptDevices(
  pool: Pool,
  _operation: Operation<'adopt-devices'>,
  context: Context,
): Done<readonly Unit[]> {
  const { readings } = observationIn(context).probe
  const matches = matchDevices(pool.units, readings)
  const missing = pool.units.filter(({ id }) => matches.get(id)?.kind === 'missing').map(({ id }) => id)
  if (missing.length > 0) {
    const facts = { units: missing, managed: pool.units.length, shown: readings.length }
    return { pool, answer: { refused: { code: 'devices-missing', ...facts } } }
  }
  const units = pool.units.map((unit) => adopted(unit, matches.get(unit.id)))
  const changed = units.filter((unit, at) => unit !== pool.units[at])
  if (changed.length === 0) return { pool, answer: changed }
  const queue = pool.queue.filter(({ request }) => isPossible(request, { units }))
  const change = { kind: 'refresh', units: changed.map(({ id }) => id) } as const
  const after = withoutBroken(pool, { ...pool, units, queue }, context.now.wall)
  if (isRefusal(after)) return { pool, answer: after }
  return { pool: after, audit: [audited(change, context)], answer: changed }
}

export function setPolicy(
  pool: Pool,
  { change, reason }: Operation<'set-policy'>,
  context: Context,
): Done<Policy> {
  const { actor, now } = context
  const policy = changedPolicy(pool, change, { by: actor, at: now.wall })
  const missing = missingIn(policy, change)
  if (missing.length > 0) {
    const on = change.key === 'bookings' ? {} : { on: bookingScopes(policy) }
    return { pool, answer: { refused: { code: 'policy-needs', key: 'bookings', missing, ...on } } }
  }
  if (policy === pool.policy) return { pool, answer: policy }
  const why = reason === undefined ? {} : { reason }
  const changes = ruleChanges(pool.policy, policy).map((each) => ({ ...each, ...why }))
  return {
    pool: { ...pool, policy },
    audit: changes.map((each) => audited(each, context)),
    answer: policy,
  }
}

/** While some account may book, every run must have a known end. */
const NEEDED_BY_BOOKINGS: readonly LimitKey[] = ['max-duration', 'default-duration']

function missingIn(policy: Policy, { key }: PolicyChange): readonly LimitKey[] {
  const concerns = key === 'bookings' || NEEDED_BY_BOOKINGS.some((needed) => needed === key)
  if (!concerns || bookingScopes(policy).length === 0) return []
  const ofPool = (policy.limits ?? []).filter(({ scope }) => scope.kind === 'pool').map((limit) => limit.key)
  return NEEDED_BY_BOOKINGS.filter((needed) => !ofPool.includes(needed))
}
