import { endReservation, endWhere, settle } from '../domain/ending.ts'
import type { Account, GpuId, Outcome } from '../domain/model.ts'
import type { Deps } from './deps.ts'

/** Ends the account's own manual reservations and tells their GPUs, sorted. */
export async function releaseManual(deps: Pick<Deps, 'store' | 'alive'>, account: Account) {
  return deps.store.update<readonly GpuId[]>((pool, moment) => {
    const settled = settle(pool, moment, deps.alive)
    const released = endWhere(settled.pool, (reservation) =>
      reservation.kind === 'manual' && reservation.account.uid === account.uid
        ? { outcome: 'released', at: moment.wall }
        : null,
    )
    return {
      pool: released.pool,
      ended: [...settled.ended, ...released.ended],
      result: released.ended.map((record) => record.gpu).toSorted((a, b) => a - b),
    }
  })
}

/** Ends one reservation by id, if it still stands. */
export async function endNow(
  deps: Pick<Deps, 'store'>,
  reservation: string,
  outcome: Outcome = 'released',
): Promise<void> {
  await deps.store.update((pool, moment) => ({
    ...endReservation(pool, reservation, outcome, moment.wall),
    result: undefined,
  }))
}
