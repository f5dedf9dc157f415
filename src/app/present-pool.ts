import { settle } from '../domain/operation/ending.ts'
import type { Moment, Pool } from '../domain/pool/model.ts'
import type { Deps } from './deps.ts'
import { loadPool } from './stored-pool.ts'

/** The pool as it stands now, without what is over already. Writes nothing: read access is enough. */
export async function presentPool(
  deps: Pick<Deps, 'store' | 'alive' | 'stopped'>,
): Promise<{ readonly pool: Pool; readonly moment: Moment }> {
  const { pool, moment } = await loadPool(deps.store)
  return { pool: settle(pool, moment, deps).pool, moment }
}
