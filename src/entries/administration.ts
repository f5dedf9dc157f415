import { loginOf } from '../adapters/accounts/login.ts'
import { detectGpus } from '../adapters/gpu/detect.ts'
import type { Environment } from '../adapters/gpu/run-program.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import {
  checkStore,
  createStore,
  openStoreAsAdministrator,
  poolOwner,
  setAsideStore,
  storedPlace,
} from '../adapters/store/open.ts'
import { type Administration, LocalAdministration } from '../app/administration.ts'
import type { Millis, Probe, ProviderChoice } from '../domain/pool/model.ts'
import { checkMayAdminister } from '../domain/pool/rights.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import {
  isNotInitialized,
  type Opening,
  openAndKeep,
  poolServiceMaker,
  providerOptions,
} from './open-pool.ts'

/** Administers the embedded pool in these settings. */
export function administration(opening: Opening): Administration {
  const { store, probeTimeout } = opening.settings
  const open = () => openStoreAsAdministrator(store, currentMoment)
  return new LocalAdministration({
    host: hostname,
    account: opening.account,
    login: async () => loginOf('self', await opening.account()),
    processes: opening.processes,
    authorise: async () => checkMayAdminister(await opening.account(), await poolOwner(store)),
    pool: async () => poolServiceMaker(opening)(await openAndKeep(opening, open)),
    poolPlace: async (group) => {
      const gid = group === undefined ? undefined : await groupIdOf(group)
      return {
        open: () => open().catch(nullIfMissing),
        create: () => createStore(store, currentMoment, gid),
        setAside: (onPart) => setAsideStore(store, { now: currentMoment, gid, onPart }),
        forGroup: gid !== undefined,
        ...(opening.trace === undefined ? {} : { trace: opening.trace }),
        ...(opening.committed === undefined ? {} : { committed: opening.committed }),
      }
    },
    checkPool: () => checkStore(store),
    storedPlace: () => storedPlace(store),
    findId: async (kind, name) => {
      const { groupId, userId } = await import('../adapters/accounts/users.ts')
      return kind === 'account' ? userId(name) : groupId(name)
    },
    detectGpus: async (choice, fakeCount) => {
      opening.checkGpuAccess(choice)
      return detectChosen({ choice, fakeCount, env: process.env }, probeTimeout)
    },
  })
}

interface Detection {
  readonly choice: ProviderChoice | undefined
  readonly fakeCount: number
  /** For finding and starting the driver's programs. */
  readonly env: Environment
}

/** Detects GPUs with the named provider, or else with each provider. `fake` has `fakeCount` GPUs. */
export async function detectChosen({ choice, fakeCount, env }: Detection, timeout: Millis): Promise<Probe> {
  if (choice === undefined || choice === 'nvidia' || choice === 'amd') {
    return detectGpus(timeout, env, choice)
  }
  const { openProvider } = await import('../adapters/gpu/provider.ts')
  return openProvider(choice, { ...providerOptions(fakeCount), env }).probe(timeout)
}

function nullIfMissing(error: unknown): OpenedPool | null {
  if (isNotInitialized(error)) return null
  throw error
}

async function groupIdOf(name: string): Promise<number> {
  const { groupId } = await import('../adapters/accounts/users.ts')
  return groupId(name)
}
