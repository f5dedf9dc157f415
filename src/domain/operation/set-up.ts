import type { AuditedChange } from '../ledger/audit.ts'
import { changedPolicy, DEFAULT_ALLOCATION } from '../policy/change.ts'
import { ruleChanges } from '../policy/rule-changes.ts'
import { bookingsOf } from '../pool/bookings.ts'
import { followClock } from '../pool/clock.ts'
import type { Policy, Pool, QueueEntry, Stamp, Unit, UnitId } from '../pool/model.ts'
import { isPossible } from './acquisition.ts'
import { audited, cancelOf } from './audited.ts'
import { endWhere, settle } from './ending.ts'
import { withKeptBookings } from './kept-bookings.ts'
import type { Answers, Context, Done, NewPool, Operation } from './operation.ts'

/**
 * Creates a pool, or replaces the current or the salvaged one. `current` is null if there is no pool or it cannot be
 * read. Reservations of the replaced pool end as `reset`; queue entries and bookings that the new pool can serve
 * stay. Imported reservations begin with the new pool. A GPU that was drained stays drained: a reset does not repair it.
 */
export function setUp(
  current: Pool | null,
  { host, provider, units, policy, force, salvaged, imported }: Operation<'set-up'>,
  context: Context,
): Done<Answers['set-up']> & { readonly pool: Pool } {
  const { actor, now, processes } = context
  if (current !== null && !force) {
    return {
      pool: current,
      answer: { refused: { code: 'already-initialized', units: current.units.length } },
    }
  }
  const stored = current ?? salvaged?.pool ?? null
  const before = stored === null ? null : followClock(stored, now)
  const settled = before === null ? null : settle(before, now, processes)
  const reset =
    settled === null ? null : endWhere(settled.pool, () => ({ outcome: 'reset', at: now.wall, by: actor }))
  const rules = before?.policy ?? { allocation: DEFAULT_ALLOCATION }
  const empty: Pool = {
    host,
    provider,
    units: units.map((unit) => withLastUse(withDrainOf(settled?.pool.units ?? [], unit), imported)),
    policy: withRules(rules, policy, { by: actor, at: now.wall }),
    reservations: imported?.reservations ?? [],
    queue: settled === null ? [] : queueFor({ units }, settled.pool),
    ...(before?.keptFrom === undefined ? {} : { keptFrom: before.keptFrom }),
    writtenAt: now,
  }
  const promised = settled === null ? [] : bookingsOf(settled.pool)
  // The numbers of the GPUs may be new, so nothing from before the set-up lets a booking have a drained one.
  const unrestricted = { ...empty, units, reservations: [] }
  const { pool, lost } = withKeptBookings(empty, promised, { now: now.wall, before: unrestricted })
  const records = [
    ...(salvaged?.records ?? []),
    ...(settled?.ended ?? []),
    ...(reset?.ended ?? []),
    ...(imported?.records ?? []),
  ]
  const isReset = stored !== null
  const changes = [
    { kind: 'set-up', units: units.length, provider, isReset } as const,
    ...ruleChanges(rules, pool.policy),
    ...drainChanges(settled?.pool.units ?? [], pool.units),
    ...lost.map(cancelOf),
  ]
  const audit = changes.map((change) => audited(change, context))
  return {
    ...{ pool, records, audit: [...(salvaged?.audit ?? []), ...audit] },
    ...(salvaged === undefined ? {} : { sums: salvaged.sums }),
    answer: { kind: isReset ? 'reinitialized' : 'initialized', ...(lost.length === 0 ? {} : { lost }) },
  }
}

/** The same GPU is found by its UUID, or by its number if the driver reports none. */
function withDrainOf(before: readonly Unit[], unit: Unit): Unit {
  const { uuid } = unit.device
  const same = before.find(({ id, device }) => (uuid === '' ? id === unit.id : device.uuid === uuid))
  return same?.drain === undefined ? unit : { ...unit, drain: same.drain }
}

function withLastUse(unit: Unit, imported: NewPool['imported']): Unit {
  const use = imported?.lastUses.find(({ unit: id }) => id === unit.id)
  return use === undefined ? unit : { ...unit, lastUse: { endedAt: use.endedAt, uid: use.uid } }
}

/** Another GPU in place of a drained one is in service, and a drained GPU may have another number now. */
function drainChanges(before: readonly Unit[], after: readonly Unit[]): readonly AuditedChange[] {
  const [was, is] = [drainedIn(before), drainedIn(after)]
  const [restored, drained] = [was.filter((id) => !is.includes(id)), is.filter((id) => !was.includes(id))]
  return [
    ...(restored.length === 0 ? [] : [{ kind: 'restore', units: restored } as const]),
    ...(drained.length === 0 ? [] : [{ kind: 'drain', units: drained } as const]),
  ]
}

const drainedIn = (units: readonly Unit[]): readonly UnitId[] =>
  units.flatMap(({ id, drain }) => (drain === undefined ? [] : [id]))

function withRules(
  before: Policy,
  { allocation, memoryThresholdMb }: NewPool['policy'],
  stamp: Stamp,
): Policy {
  let policy = before
  if (allocation !== undefined) {
    policy = changedPolicy({ policy }, { key: 'allocation', value: allocation }, stamp)
  }
  if (memoryThresholdMb === undefined) return policy
  return changedPolicy({ policy }, { key: 'memory-threshold', value: memoryThresholdMb }, stamp)
}

/** Entries that the new pool can grant keep their order and lose `startableSince`. */
function queueFor(newPool: Pick<Pool, 'units'>, { queue }: Pool): readonly QueueEntry[] {
  return queue
    .filter((entry) => isPossible(entry.request, newPool))
    .map(({ startableSince: _, ...entry }) => entry)
}
