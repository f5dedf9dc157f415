import { detectGpus } from '../adapters/gpu/detect.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import {
  checkStore,
  createStore,
  openStoreAsAdministrator,
  poolOwner,
  setAsideStore,
  storedPlace,
} from '../adapters/store/open.ts'
import type { Administration } from '../cli/context.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import { isNotInitialized, type Opening, openAndKeep, poolServiceMaker, providerFor } from './open-pool.ts'

/** The parts of this machine that `admin` uses. */
export function administration(opening: Opening): Administration {
  const { store, probeTimeout } = opening.settings
  const open = () => openStoreAsAdministrator(store, currentMoment)
  return {
    pool: async () => poolServiceMaker(opening)(await openAndKeep(opening, open)),
    poolPlace: async (group) => {
      const gid = group === undefined ? undefined : await groupIdOf(group)
      return {
        open: () => open().catch(nullIfMissing),
        create: () => createStore(store, currentMoment, gid),
        setAside: () => setAsideStore(store, currentMoment, gid),
        forGroup: gid !== undefined,
        ...(opening.trace === undefined ? {} : { trace: opening.trace }),
      }
    },
    checkPool: () => checkStore(store),
    poolOwner: () => poolOwner(store),
    storedPlace: () => storedPlace(store),
    detectGpus: async (choice, fakeCount) => {
      if (choice === undefined || choice === 'nvidia' || choice === 'amd') {
        return detectGpus(probeTimeout, process.env, choice)
      }
      return (await providerFor(choice, fakeCount)).probe(probeTimeout)
    },
  }
}

function nullIfMissing(error: unknown): OpenedPool | null {
  if (isNotInitialized(error)) return null
  throw error
}

async function groupIdOf(name: string): Promise<number> {
  const { groupId } = await import('../adapters/accounts/users.ts')
  return groupId(name)
}
