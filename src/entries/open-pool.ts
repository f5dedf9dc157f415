import { currentMoment } from '../adapters/kernel/clock.ts'
import { livenessInDecision, seesProcessOwners, stoppedInDecision } from '../adapters/kernel/processes.ts'
import { openStore } from '../adapters/store/open.ts'
import type { Deps } from '../app/deps.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { looserThan } from '../domain/observation/threshold.ts'
import type { ProviderName } from '../domain/pool/model.ts'
import type { Settings } from '../domain/settings.ts'
import type { GpuProvider } from '../ports/driver.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { LockPatience, Store } from '../ports/store.ts'

/** What is needed to open the pool of these settings. */
export interface Opening {
  readonly settings: Settings
  readonly warn: (message: string) => void
  /** Called with each opened store, so that it is closed at the end of this process. */
  readonly keep: (store: Store) => void
}

export function openPool(opening: Opening, patience?: LockPatience): Promise<Deps> {
  return openDeps(opening, () => openStore(opening.settings.store, currentMoment, patience))
}

/** For a process that stays: the pool is opened again after an error, or when another one replaces it. */
export async function openLastingPool(opening: Opening): Promise<Deps> {
  const { LastingStore } = await import('../adapters/store/lasting.ts')
  const open = () => openStore(opening.settings.store, currentMoment)
  // The lasting store closes what it opens.
  const deps = await openDeps({ ...opening, keep: () => {} }, open)
  return { ...deps, store: new LastingStore(deps.store, open) }
}

export async function openDeps(
  { settings, warn, keep }: Opening,
  open: () => Promise<OpenedPool>,
): Promise<Deps> {
  let warned = false
  const store = await open().catch((error) => withGpuCount(error, settings))
  keep(store)
  return {
    store,
    alive: livenessInDecision(),
    stopped: stoppedInDecision(),
    providerOf: (pool) => {
      const refusal = looserThan(pool, settings.memoryThreshold)
      if (refusal !== undefined && !warned) warn(refusal)
      warned = true
      return provide(pool.provider, pool.units.length)
    },
    probeTimeout: settings.probeTimeout,
    seesProcessOwners,
    memoryThreshold: settings.memoryThreshold,
  }
}

export async function provide(name: ProviderName, gpuCount: number): Promise<GpuProvider> {
  const { openProvider } = await import('../adapters/gpu/provider.ts')
  return openProvider(name, {
    gpuCount,
    fakeUsageFile: process.env.CANHAZGPU_FAKE_USAGE || undefined,
    env: process.env,
  })
}

export const isNotInitialized = (error: unknown): boolean =>
  error instanceof CanhazgpuError && error.code === 'pool-not-initialized'

/** Where the driver answers quickly, the advice names the number of GPUs. */
async function withGpuCount(error: unknown, settings: Settings): Promise<never> {
  if (!isNotInitialized(error)) throw error
  const { detectGpus } = await import('../adapters/gpu/detect.ts')
  const probe = await detectGpus(Math.min(settings.probeTimeout, 3_000), process.env).catch(() => null)
  if (probe === null) throw error
  throw new CanhazgpuError(
    'pool-not-initialized',
    `GPU pool not initialized - run 'canhazgpu admin --gpus ${probe.readings.length}' first`,
  )
}
