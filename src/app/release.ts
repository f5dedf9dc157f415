import { CanhazgpuError } from '../domain/errors.ts'
import { shownName } from '../domain/ledger/shown-accounts.ts'
import { endReservation, endWhere, releaseUnits, settle } from '../domain/operation/ending.ts'
import type { Account, Pool, UnitId, UsageRecord } from '../domain/pool/model.ts'
import { isAdministrator, owns } from '../domain/pool/rights.ts'
import { compareUnits, hasUnit, unitsOf } from '../domain/pool/units.ts'
import type { Deps } from './deps.ts'
import { updatePool } from './stored-pool.ts'

/** Ends the account's own manual reservations and returns their units, sorted. */
export async function releaseManual(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
  account: Account,
): Promise<readonly UnitId[]> {
  return updatePool(deps, (pool, moment) => {
    const settled = settle(pool, moment, deps)
    const released = endWhere(settled.pool, (held) =>
      held.term.kind === 'manual' && owns(account, held.owner.account)
        ? { outcome: 'released', at: moment.wall }
        : null,
    )
    return {
      pool: released.pool,
      ended: [...settled.ended, ...released.ended],
      result: unitsIn(released.ended),
    }
  })
}

const unitsIn = (records: readonly UsageRecord[]): readonly UnitId[] =>
  records.map(({ unit }) => unit).toSorted(compareUnits)

/**
 * Ends the account's own hold of these units, by hand or by a run, and returns those that were held. The
 * administrator (root) may end anyone's. Throws `not-yours` where one is somebody else's, and
 * `impossible-request` for an id that the pool does not have; nothing is released then.
 */
export async function releaseById(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
  account: Account,
  units: readonly UnitId[],
): Promise<readonly UnitId[]> {
  return updatePool(deps, (pool, moment) => {
    const settled = settle(pool, moment, deps)
    checkOwn(settled.pool, account, units)
    const released = releaseUnits(settled.pool, units, moment.wall, account)
    return {
      pool: released.pool,
      ended: [...settled.ended, ...released.ended],
      result: unitsIn(released.ended),
    }
  })
}

function checkOwn(pool: Pool, account: Account, units: readonly UnitId[]): void {
  const unknown = units.filter((unit) => !hasUnit(pool, unit))
  if (unknown.length > 0) {
    throw new CanhazgpuError('impossible-request', `No such GPU: ${unknown.join(', ')}`, {
      hint: "see 'canhazgpu status' for the GPUs of this machine",
    })
  }
  if (isAdministrator(account)) return
  for (const held of pool.reservations) {
    const isOwn = owns(account, held.owner.account)
    const foreign = isOwn ? undefined : unitsOf(held).find((unit) => units.includes(unit))
    if (foreign === undefined) continue
    throw new CanhazgpuError('not-yours', `GPU ${foreign} is reserved by ${shownName(held)}`, {
      hint: 'ask its holder, or an administrator, to release it',
    })
  }
}

/** Ends one reservation by id, if it still stands. */
export async function endNow(deps: Pick<Deps, 'store' | 'stopped'>, reservation: string): Promise<void> {
  await updatePool(deps, (pool, moment) => ({
    ...endReservation(pool, reservation, 'released', moment.wall),
    result: undefined,
  }))
}
