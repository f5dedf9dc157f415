import type { Account, Policy, Pool, QueueEntry, Reservation, UnitId } from '../../src/domain/pool/model.ts'
import { groupsOf } from '../system/limits.ts'
import { sizeOf, wants } from './requests.ts'
import type { Audit } from './truth.ts'

/** The most GPUs of an account: its own limit, else the largest of its groups, else the pool's. */
export function mostFor({ limits = [] }: Policy, { uid }: Account): number {
  const gpus = limits.filter(({ key }) => key === 'max-gpus')
  const valuesOf = (matches: (limit: (typeof gpus)[number]) => boolean) =>
    gpus.filter(matches).map(({ value }) => value)
  const own = valuesOf(({ scope }) => scope.kind === 'account' && scope.uid === uid)
  const ofGroups = valuesOf(({ scope }) => scope.kind === 'group' && groupsOf(uid).includes(scope.gid))
  const ofPool = valuesOf(({ scope }) => scope.kind === 'pool')
  if (own.length > 0) return Math.max(...own)
  if (ofGroups.length > 0) return Math.max(...ofGroups)
  return ofPool.length > 0 ? Math.max(...ofPool) : Number.POSITIVE_INFINITY
}

export const heldBy = ({ uid }: Account, reservations: readonly Reservation[]): number =>
  reservations
    .filter(({ owner }) => owner.account.uid === uid)
    .reduce((sum, { holdings }) => sum + holdings.length, 0)

/** Whether the limit of its account keeps the entry from starting. */
export function isOverLimit(
  { policy, reservations }: Pick<Pool, 'policy' | 'reservations'>,
  { owner: { account }, request }: Pick<QueueEntry, 'owner' | 'request'>,
): boolean {
  return heldBy(account, reservations) + sizeOf(request) > mostFor(policy, account)
}

/**
 * The entries without those that their limit keeps from starting. An earlier entry of the account counts if enough of
 * its GPUs are free.
 */
export function withinLimits(
  { policy, reservations, units }: Pick<Pool, 'policy' | 'reservations' | 'units'>,
  entries: readonly QueueEntry[],
  free: readonly UnitId[],
): readonly QueueEntry[] {
  const started = new Map<number, number>()
  return entries.filter(({ owner: { account }, request }) => {
    const held = (started.get(account.uid) ?? heldBy(account, reservations)) + sizeOf(request)
    if (held > mostFor(policy, account)) return false
    const usable = units.filter((unit) => free.includes(unit.id) && wants(request, unit))
    const couldStart = usable.length >= sizeOf(request)
    if (couldStart) started.set(account.uid, held)
    return true
  })
}

/** No grant takes an account beyond its limit. */
export function auditLimit({ after, report }: Audit, { id, owner: { account } }: Reservation): void {
  const [held, most] = [heldBy(account, after.reservations), mostFor(after.policy, account)]
  if (held > most) report('limit', () => `${id} gives ${account.name} ${held} GPUs, the limit is ${most}`)
}
