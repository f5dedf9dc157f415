import { CanhazgpuError } from '../domain/errors.ts'
import { shownName } from '../domain/ledger/shown-accounts.ts'
import { endReservation, endWhere, releaseGpus, settle } from '../domain/operation/ending.ts'
import type { Account, GpuId, Pool } from '../domain/pool/model.ts'
import { isAdministrator, owns } from '../domain/pool/rights.ts'
import type { Deps } from './deps.ts'

/** Ends the account's own manual reservations and tells their GPUs, sorted. */
export async function releaseManual(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
  account: Account,
): Promise<readonly GpuId[]> {
  return deps.store.update((pool, moment) => {
    const settled = settle(pool, moment, deps)
    const released = endWhere(settled.pool, (held) =>
      held.kind === 'manual' && owns(account, held.account) ? { outcome: 'released', at: moment.wall } : null,
    )
    return {
      pool: released.pool,
      ended: [...settled.ended, ...released.ended],
      result: released.ended.map((record) => record.gpu).toSorted((a, b) => a - b),
    }
  })
}

/**
 * Ends the account's own hold of these GPUs, by hand or by a run, and tells which they were. The
 * administrator (root) may end anyone's. Throws `not-yours` where one is somebody else's, and
 * `impossible-request` for an id that the pool does not have; nothing is released then.
 */
export async function releaseById(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
  account: Account,
  gpus: readonly GpuId[],
): Promise<readonly GpuId[]> {
  return deps.store.update((pool, moment) => {
    const settled = settle(pool, moment, deps)
    checkOwn(settled.pool, account, gpus)
    const released = releaseGpus(settled.pool, gpus, moment.wall, account)
    return {
      pool: released.pool,
      ended: [...settled.ended, ...released.ended],
      result: released.ended.map((record) => record.gpu).toSorted((a, b) => a - b),
    }
  })
}

function checkOwn(pool: Pool, account: Account, gpus: readonly GpuId[]): void {
  const unknown = gpus.filter((gpu) => gpu >= pool.gpus.length)
  if (unknown.length > 0) {
    throw new CanhazgpuError('impossible-request', `No such GPU: ${unknown.join(', ')}`, {
      hint: "see 'canhazgpu status' for the GPUs of this machine",
    })
  }
  if (isAdministrator(account)) return
  for (const held of pool.reservations) {
    const foreign = owns(account, held.account) ? undefined : held.gpus.find((gpu) => gpus.includes(gpu))
    if (foreign === undefined) continue
    throw new CanhazgpuError('not-yours', `GPU ${foreign} is reserved by ${shownName(held)}`, {
      hint: 'ask its holder, or an administrator, to release it',
    })
  }
}

/** Ends one reservation by id, if it still stands. */
export async function endNow(deps: Pick<Deps, 'store'>, reservation: string): Promise<void> {
  await deps.store.update((pool, moment) => ({
    ...endReservation(pool, reservation, 'released', moment.wall),
    result: undefined,
  }))
}
