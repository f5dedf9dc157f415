import { currentGroups } from '../adapters/accounts/groups.ts'
import { loginOf } from '../adapters/accounts/login.ts'
import type { ProviderOptions } from '../adapters/gpu/provider.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { canReadProcessOwners } from '../adapters/kernel/processes.ts'
import { openStore } from '../adapters/store/open.ts'
import { type Driver, LocalPool } from '../app/local-pool.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { thresholdWarning } from '../domain/observation/threshold.ts'
import type { Account, ProviderName } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { Settings } from '../domain/settings.ts'
import type { Warn } from '../domain/warnings.ts'
import type { GpuProvider } from '../ports/driver.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { LockPatience } from '../ports/store.ts'
import type { Trace } from '../ports/trace.ts'
import type { CheckGpuAccess } from './gpu-access.ts'

/** The dependencies for opening the pool in these settings. */
export interface Opening {
  readonly settings: Settings
  readonly warn: Warn
  readonly account: () => Promise<Account>
  readonly processes: ProcessCheck
  readonly trace: Trace | undefined
  /** See `PerformInputs`. */
  readonly committed?: (() => void) | undefined
  readonly checkGpuAccess: CheckGpuAccess
  /** Default: true. */
  readonly upgrades?: boolean
  /** Registers each opened store, so that it is closed at the end of this process. */
  readonly keep: (store: OpenedPool) => void
}

export function openPoolStore(opening: Opening, patience?: LockPatience): Promise<OpenedPool> {
  const options = { upgrades: opening.upgrades ?? true, ...(patience === undefined ? {} : { patience }) }
  return openAndKeep(opening, () => openStore(opening.settings.store, currentMoment, options))
}

export async function openAndKeep(
  { settings, keep }: Opening,
  open: () => Promise<OpenedPool>,
): Promise<OpenedPool> {
  const store = await open().catch((error) => withGpuCount(error, settings))
  keep(store)
  return store
}

/** For a long-running process: the pool is reopened after an error and when another pool replaces it. */
export async function openReopeningPool(opening: Opening): Promise<PoolService> {
  const { ReopeningStore } = await import('../adapters/store/reopening-store.ts')
  const open = (upgrades: boolean) => openStore(opening.settings.store, currentMoment, { upgrades })
  // The reopening store closes the stores that it opens.
  const store = await openAndKeep({ ...opening, keep: () => {} }, () => open(true))
  return poolServiceMaker(opening)(new ReopeningStore(store, () => open(false)))
}

/** Returns a function that makes a store the pool service of this process. */
export function poolServiceMaker({
  settings,
  warn,
  account,
  processes,
  trace,
  committed,
  checkGpuAccess,
}: Opening): (store: OpenedPool) => PoolService {
  let warned = false
  const driver: Driver = {
    // This process alone uses the readings, so it takes new ones for every purpose.
    sample: async (pool) => {
      const warning = thresholdWarning(pool, settings.memoryThreshold)
      if (warning !== undefined && !warned) warn(warning)
      warned = true
      checkGpuAccess(pool.provider)
      const provider = await providerFor(pool.provider, pool.units.length)
      return { probe: await provider.probe(settings.probeTimeout) }
    },
    askedThresholdMb: settings.memoryThreshold,
    seesOwners: canReadProcessOwners,
  }
  const traced = {
    ...(trace === undefined ? {} : { trace }),
    ...(committed === undefined ? {} : { committed }),
  }
  const login = async () => loginOf('self', await account())
  return (store) =>
    new LocalPool({ store, processes, actor: account, login, groups: currentGroups, driver, ...traced })
}

export async function providerFor(name: ProviderName, gpuCount: number): Promise<GpuProvider> {
  const { openProvider } = await import('../adapters/gpu/provider.ts')
  return openProvider(name, providerOptions(gpuCount))
}

export const providerOptions = (gpuCount: number): ProviderOptions => ({
  gpuCount,
  fakeScenarioFile: process.env.CANHAZGPU_FAKE_USAGE || undefined,
  env: process.env,
})

export const isNotInitialized = (error: unknown): error is CanhazgpuError =>
  error instanceof CanhazgpuError && error.code === 'pool-not-initialized'

/** Puts the number of GPUs into the hint if the driver answers quickly. */
async function withGpuCount(error: unknown, settings: Settings): Promise<never> {
  if (!isNotInitialized(error)) throw error
  const { detectGpus } = await import('../adapters/gpu/detect.ts')
  const probe = await detectGpus(Math.min(settings.probeTimeout, 3_000), process.env).catch(() => null)
  if (probe === null) throw error
  throw new CanhazgpuError(
    'pool-not-initialized',
    error.message.replace('<count>', String(probe.readings.length)),
  )
}
