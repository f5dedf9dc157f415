import { CanhazgpuError } from '../domain/errors.ts'
import { checkPossible } from '../domain/operation/acquisition.ts'
import { settle } from '../domain/operation/ending.ts'
import type { Account, ManualReservation, Millis, Pool, UnitId } from '../domain/pool/model.ts'
import { owns } from '../domain/pool/rights.ts'
import { unitsOf } from '../domain/pool/units.ts'
import { keepsPromises } from '../domain/schedule/expected-starts.ts'
import type { Deps } from './deps.ts'
import { updatePool } from './stored-pool.ts'

export interface Extension {
  readonly account: Account
  /** Only reservations that hold one of these GPUs; absent: all of the account's. */
  readonly gpuIds?: readonly UnitId[]
  readonly by: Millis
}

type Outcome =
  | { readonly kind: 'extended'; readonly reservations: readonly ManualReservation[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'promised' }

/**
 * Moves the end of one's own manual reservations. Throws `not-enough-gpus` where somebody in line would have
 * to wait longer for it, `impossible-request` for an id that the pool does not have, and `failure` where there
 * is nothing to extend.
 */
export async function extendManual(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
  extension: Extension,
): Promise<readonly ManualReservation[]> {
  const outcome = await updatePool<Outcome>(deps, (pool, moment) => {
    const { pool: settled, ended } = settle(pool, moment, deps)
    if (extension.gpuIds !== undefined) checkPossible(settled, { kind: 'ids', ids: extension.gpuIds })
    const own = ownManual(settled, extension)
    if (own.length === 0) return { pool: settled, ended, result: { kind: 'none' } }
    const extended = own.map((held) => extendedBy(held, extension.by))
    const byId = new Map(extended.map((held) => [held.id, held]))
    const after: Pool = {
      ...settled,
      reservations: settled.reservations.map((held) => byId.get(held.id) ?? held),
    }
    return keepsPromises(settled, after, { now: moment.wall, stopped: deps.stopped })
      ? { pool: after, ended, result: { kind: 'extended', reservations: extended } }
      : { pool: settled, ended, result: { kind: 'promised' } }
  })
  switch (outcome.kind) {
    case 'extended':
      return outcome.reservations
    case 'none':
      throw new CanhazgpuError(
        'failure',
        extension.gpuIds === undefined
          ? 'No manually reserved GPUs found for current user to extend'
          : `No manual reservation of yours on GPU ${extension.gpuIds.join(', ')} to extend`,
      )
    case 'promised':
      throw new CanhazgpuError(
        'not-enough-gpus',
        'Others wait in line for these GPUs and would wait longer',
        {
          hint: "see 'canhazgpu queue'",
        },
      )
  }
}

function ownManual(pool: Pool, { account, gpuIds }: Extension): readonly ManualReservation[] {
  return pool.reservations.flatMap((held) => {
    const { term } = held
    const isMeant = gpuIds === undefined || unitsOf(held).some((unit) => gpuIds.includes(unit))
    return term.kind === 'manual' && isMeant && owns(account, held.owner.account) ? [{ ...held, term }] : []
  })
}

function extendedBy(held: ManualReservation, by: Millis): ManualReservation {
  const { term } = held
  return { ...held, term: { ...term, expiresAt: term.expiresAt + by } }
}
