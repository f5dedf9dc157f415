import { checksInDecision } from '../adapters/kernel/processes.ts'
import type { LockPatience } from '../ports/store.ts'
import { type Opening, openPoolStore, openReopeningPool, poolServiceMaker } from './open-pool.ts'
import type { PoolAccess } from './pool-access.ts'

/** The pool in the database of these settings, which is opened when it is first used. */
export function embeddedAccess(parts: Omit<Opening, 'processes'>): PoolAccess {
  const processes = checksInDecision()
  const opening: Opening = { ...parts, processes }
  let opened: ReturnType<typeof openPoolStore> | undefined
  const store = (patience?: LockPatience) => {
    opened ??= openPoolStore(opening, patience)
    return opened
  }
  const serviceOf = poolServiceMaker(opening)
  return {
    pool: async () => serviceOf(await store()),
    longRunningPool: () => openReopeningPool(opening),
    administration: async () => {
      const { administration } = await import('./administration.ts')
      return administration(opening)
    },
    waitInQueue: async (intent, wait, waiting) => {
      const { waitLocally } = await import('./local-wait.ts')
      return waitLocally(intent, wait, { ...waiting, openStore: store, serve: serviceOf, processes })
    },
    changes: () => store(),
  }
}
