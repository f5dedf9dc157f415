import { unnamedAccount } from '../adapters/accounts/unnamed-account.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { checksInDecision } from '../adapters/kernel/processes.ts'
import { openStore, refusePoolOfDaemon } from '../adapters/store/open.ts'
import { LocalPool } from '../app/local-pool.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { LockPatience } from '../ports/store.ts'
import { traceOf } from './trace.ts'

/** The pool for a supervisor. It never probes and never asks the name service. */
export async function openSupervisorPool(
  url: string,
  patience?: LockPatience,
  committed?: () => void,
): Promise<PoolService> {
  // A supervisor of root could open the files beside the daemon.
  refusePoolOfDaemon(url)
  const store = await openStore(url, currentMoment, {
    upgrades: false,
    ...(patience === undefined ? {} : { patience }),
  })
  const processes = checksInDecision()
  // Nobody reads the standard error of a supervisor.
  const trace = await traceOf(process.env, () => {})
  const traced = {
    ...(trace === undefined ? {} : { trace }),
    ...(committed === undefined ? {} : { committed }),
  }
  return new LocalPool({ store, processes, actor: async () => unnamedAccount(), ...traced })
}
