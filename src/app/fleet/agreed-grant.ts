import { CanhazgpuError } from '../../domain/errors.ts'
import type { Grant } from '../../domain/operation/intent.ts'
import type { PoolService } from '../../ports/pool-service.ts'

/** Asks a caller on another host whether it still wants the GPUs that were just granted. If it is gone, they are returned. */
export async function agreedGrant(
  grant: Grant,
  agrees: () => boolean | Promise<boolean>,
  pool: () => Promise<Pick<PoolService, 'perform'>>,
): Promise<Grant> {
  if (await agrees()) return grant
  await (await pool()).perform({ op: 'end', id: grant.reservation.id, outcome: 'released' })
  throw new CanhazgpuError('interrupted', 'the caller on the other host is gone')
}
