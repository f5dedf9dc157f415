import { withinDeadline } from '../adapters/gpu/deadline.ts'
import { DRIVER_NAMES } from '../adapters/gpu/driver-names.ts'
import { openKeptProvider } from '../adapters/gpu/provider.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { canReadProcessOwners } from '../adapters/kernel/processes.ts'
import { driverEnvironment } from '../adapters/process/driver-environment.ts'
import type { Driver } from '../app/local-pool.ts'
import { pause } from '../app/sampling/pause.ts'
import { SharedDriver } from '../app/sampling/shared-driver.ts'
import type { Caller } from '../daemon/caller.ts'
import { thresholdWarning } from '../domain/observation/threshold.ts'
import type { Millis, Probe } from '../domain/pool/model.ts'
import type { Settings } from '../domain/settings.ts'
import { type Opening, providerOptions } from './open-pool.ts'

/** The greatest age of a probe that is shown as present. Simulated GPUs are always asked: their scenario may have changed. */
const RECENT_MS: Millis = 2_000

/** The driver as this caller asks it. */
export function driverFor(
  { threshold = null, probeTimeout, warn = () => {} }: Caller,
  driver: SharedDriver,
  settings: Settings,
): Driver {
  const isImpatient = probeTimeout !== undefined && probeTimeout < settings.probeTimeout
  return {
    sample: (pool, purpose) => {
      const warning = thresholdWarning(pool, threshold)
      if (warning !== undefined) warn(warning)
      const sample = () => driver.sample(pool, purpose)
      return isImpatient ? withinDeadline(probeTimeout, DRIVER_NAMES[pool.provider], sample) : sample()
    },
    askedThresholdMb: threshold,
    seesOwners: canReadProcessOwners,
  }
}

export type Driving = Pick<Opening, 'settings' | 'checkGpuAccess'>

export interface SharedDriverUses {
  /** Changes each probe. */
  readonly attribute: (probe: Probe) => Promise<Probe>
  readonly log: (text: string) => void
}

/** The driver of this machine for all clients, with one child. */
export function openSharedDriver(
  { settings, checkGpuAccess }: Driving,
  { attribute, log }: SharedDriverUses,
): SharedDriver {
  const env = driverEnvironment(process.env)
  return new SharedDriver({
    open: ({ provider, units }) => {
      checkGpuAccess(provider)
      const opened = openKeptProvider(provider, { ...providerOptions(units.length), env })
      return { ...opened, probe: async (deadline) => attribute(await opened.probe(deadline)) }
    },
    timeout: settings.probeTimeout,
    recentMs: ({ provider }) => (provider === 'fake' ? 0 : RECENT_MS),
    clock: () => currentMoment().steady.ms,
    pause,
    onFailure: (failure) => log(failure?.message ?? 'The GPU driver answers again'),
  })
}
