import { CanhazgpuError } from '../domain/errors.ts'
import { claimableBy, reservedUnits } from '../domain/observation/allocation.ts'
import { unexplainedMb } from '../domain/observation/evidence.ts'
import { thresholdOf } from '../domain/observation/threshold.ts'
import { type PoolUsage, usageOf } from '../domain/observation/usage.ts'
import { type Acquisition, acquire, checkPossible, type Intent } from '../domain/operation/acquisition.ts'
import { settle } from '../domain/operation/ending.ts'
import type { Millis, Pool, Request, UnitId } from '../domain/pool/model.ts'
import { sizeOf } from '../domain/schedule/demand.ts'
import { type Grant, grantOf } from './acquire.ts'
import type { Deps } from './deps.ts'
import { notEnough } from './refusals.ts'
import { loadPool, updatePool } from './stored-pool.ts'

/**
 * Reserves GPUs that the account's own processes use already without a reservation: the ids asked for, so many
 * of them, or all. Throws `not-enough-gpus`, and `failure` where there are none, or too few, to take over.
 */
export async function claimableGpus(deps: Deps, intent: Intent, certain: boolean): Promise<Grant> {
  if (!deps.seesProcessOwners()) throw ownersUnknown()
  const { pool } = await loadPool(deps.store)
  checkPossible(pool, intent.request)
  const probe = await (await deps.providerOf(pool)).probe(deps.probeTimeout)
  const outcome = await updatePool<Claimed>(deps, (present, moment) => {
    const { pool: settled, ended } = settle(present, moment, deps)
    const usage = usageOf(settled, probe)
    const sight = {
      usage,
      thresholdMb: thresholdOf(settled, deps.memoryThreshold),
      claimant: intent.owner.account.uid,
    }
    const own = claimableBy(settled, sight)
    const request = certain ? amongOwn(intent.request, own) : { kind: 'ids' as const, ids: own }
    if (sizeOf(request) < (certain ? sizeOf(intent.request) : 1)) {
      const result = { claimable: own.length, hint: hintOf(settled, usage, sight.thresholdMb) }
      return { pool: settled, ended, result }
    }
    const acquired = acquire(
      settled,
      { ...intent, request },
      { now: moment.wall, stopped: deps.stopped, sight },
    )
    const at = moment.steady.ms
    return { pool: acquired.pool, ended, result: { acquisition: acquired.result, usage, at } }
  })
  if ('claimable' in outcome) throw tooFewOwn(outcome)
  const { acquisition, usage, at } = outcome
  if (acquisition.kind === 'refused') throw notEnough(acquisition.shortage)
  return grantOf({ reservation: acquisition.reservation, at }, usage, probe.provider)
}

interface TooFew {
  readonly claimable: number
  readonly hint: string
}

type Claimed = TooFew | { readonly acquisition: Acquisition; readonly usage: PoolUsage; readonly at: Millis }

/** Which GPUs to take over where only their number was said. */
function amongOwn(request: Request, own: readonly UnitId[]): Request {
  return request.kind === 'ids' ? request : { kind: 'ids', ids: own.slice(0, request.count) }
}

/** Why `status` may show the account's own processes on a GPU that it cannot claim. */
function hintOf(pool: Pool, usage: PoolUsage, thresholdMb: number): string {
  const reserved = reservedUnits(pool)
  for (const [id, { usage: seen }] of usage) {
    if (seen.kind === 'fault' || reserved.has(id)) continue
    const hidden = seen.processes.find(({ uid }) => uid === undefined)
    if (hidden !== undefined) return `who owns PID ${hidden.pid} there cannot be seen from here`
    const memoryMb = unexplainedMb(seen)
    if (seen.processes.length > 0 && memoryMb >= thresholdMb)
      return `no process accounts for ${memoryMb}MB in use on GPU ${id}, so somebody else may use it`
  }
  return "see 'canhazgpu status'"
}

function tooFewOwn({ claimable: count, hint }: TooFew): CanhazgpuError {
  const message =
    count === 0
      ? 'None of your processes uses a GPU alone and without a reservation'
      : `Your processes use only ${count} GPU(s) alone and without a reservation`
  return new CanhazgpuError('failure', message, { hint })
}

function ownersUnknown(): CanhazgpuError {
  return new CanhazgpuError(
    'failure',
    '--claim cannot tell whose processes use the GPUs: the driver names process ids of the host, which mean others in this pid namespace',
    { hint: 'run it on the host, or in a container with --pid=host' },
  )
}
