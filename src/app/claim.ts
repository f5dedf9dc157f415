import { acquire, checkPossible, type Intent } from '../domain/acquisition.ts'
import { claimableBy } from '../domain/allocation.ts'
import { settle } from '../domain/ending.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { usageOf } from '../domain/usage.ts'
import { type Grant, grantOf } from './acquire.ts'
import type { Deps } from './deps.ts'
import { notEnough } from './refusals.ts'

/**
 * Reserves GPUs that the account's own processes use already without a reservation: those asked for, or all
 * of them. Throws `not-enough-gpus`, and `failure` where there is none to take over.
 */
export async function claimableGpus(deps: Deps, intent: Intent, certain: boolean): Promise<Grant> {
  const { pool } = await deps.store.read()
  checkPossible(pool, intent.request)
  const probe = await (await deps.providerOf(pool)).probe(deps.probeTimeout)
  const outcome = await deps.store.update((present, moment) => {
    const { pool: settled, ended } = settle(present, moment, deps.alive)
    const usage = usageOf(settled, probe)
    const sight = { usage, thresholdMb: deps.memoryThreshold, claimant: intent.account.uid }
    const own = claimableBy(settled, sight)
    if (own.length === 0 && !certain) return { pool: settled, ended, result: null }
    const claimed: Intent = certain ? intent : { ...intent, request: { kind: 'ids', ids: own } }
    const acquired = acquire(settled, claimed, sight, moment.wall)
    return { pool: acquired.pool, ended, result: { acquisition: acquired.result, usage } }
  })
  if (outcome === null) {
    throw new CanhazgpuError('failure', 'None of your processes uses a GPU alone and without a reservation', {
      hint: "see 'canhazgpu status'",
    })
  }
  if (outcome.acquisition.kind === 'refused') throw notEnough(outcome.acquisition.shortage)
  return grantOf(outcome.acquisition.reservation, outcome.usage, probe.provider)
}
