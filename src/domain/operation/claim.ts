import { claimableBy, type Evidence, reservedUnits } from '../observation/allocation.ts'
import { unexplainedMb } from '../observation/evidence.ts'
import { evidenceOf } from '../observation/observation.ts'
import type { Pool, Request, UnitId } from '../pool/model.ts'
import { wantedUnits } from '../pool/suitable.ts'
import { sizeOf } from '../schedule/demand.ts'
import { grantOf, observationIn, withAsked } from './acquire.ts'
import { acquire, impossibleIn } from './acquisition.ts'
import type { Grant } from './intent.ts'
import { limitedIntent, limitNeverAllowing, limitReached } from './limited-request.ts'
import type { Context, Done, Operation } from './operation.ts'
import type { Unclaimable } from './refusal.ts'

/** Reserves unreserved units that only the claimant's processes use. */
export function claimUnits(
  pool: Pool,
  { intent: given, exact }: Operation<'claim'>,
  context: Context,
): Done<Grant> {
  const impossible = impossibleIn(pool, given.request)
  if (impossible !== null) return { pool, answer: impossible }
  const intent = limitedIntent(pool.policy, given, context.groups)
  const observed = observationIn(context)
  const evidence = { ...evidenceOf(pool, observed), claimant: intent.owner.account.uid }
  const held = pool.reservations.find(({ id }) => id === intent.id)
  // The answer to an earlier request with this id was lost.
  if (held !== undefined) return { pool, answer: grantOf(held, { evidence, observed, now: context.now }) }
  const wanted = new Set(wantedUnits(pool, intent.request))
  const own = claimableBy(pool, evidence).filter((unit) => wanted.has(unit))
  const request = exact ? amongOwn(intent.request, own) : { kind: 'ids' as const, ids: own }
  if (sizeOf(request) < (exact ? sizeOf(intent.request) : 1)) {
    const because = whyUnclaimable(pool, evidence)
    const fact = because === undefined ? {} : { because }
    return { pool, answer: { refused: { code: 'nothing-to-claim', claimable: own.length, ...fact } } }
  }
  const { now, processes } = context
  const seen = { now: now.wall, stopped: processes.stopped, evidence }
  const claimed = { ...intent, request }
  const limit = limitNeverAllowing(pool, claimed, now.wall) ?? limitReached(pool, claimed, seen)
  if (limit !== null) return { pool, answer: { refused: limit } }
  const { pool: after, result } = acquire(pool, claimed, seen)
  if (result.kind === 'refused') {
    return { pool, answer: { refused: withAsked(result.shortage, given.term) } }
  }
  return { pool: after, answer: grantOf(result.reservation, { evidence, observed, now }) }
}

/** Replaces a requested number of units by the first claimable ones. */
function amongOwn(request: Request, own: readonly UnitId[]): Request {
  return request.kind === 'ids' ? request : { kind: 'ids', ids: own.slice(0, request.count) }
}

/** Why the account cannot claim a unit although `status` may list its processes there. */
function whyUnclaimable(pool: Pool, { readings, thresholdMb }: Evidence): Unclaimable | undefined {
  const reserved = reservedUnits(pool)
  for (const [unit, { use }] of readings) {
    if (use.kind === 'fault' || reserved.has(unit)) continue
    const hidden = use.processes.find(({ uid }) => uid === undefined)
    if (hidden !== undefined) return { kind: 'hidden-process', pid: hidden.pid }
    const memoryMb = unexplainedMb(use)
    if (use.processes.length > 0 && memoryMb >= thresholdMb) {
      return { kind: 'unexplained-memory', unit, memoryMb }
    }
  }
  return undefined
}
