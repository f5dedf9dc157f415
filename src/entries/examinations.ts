import { connectToDaemon } from '../adapters/daemon/connect.ts'
import { devices, driverVersions } from '../adapters/diagnosis/devices.ts'
import { diskSpace } from '../adapters/diagnosis/disk.ts'
import { persistenceModes } from '../adapters/diagnosis/persistence.ts'
import { programCopies } from '../adapters/diagnosis/programs.ts'
import { unitState } from '../adapters/diagnosis/unit-state.ts'
import { withinDeadline } from '../adapters/gpu/deadline.ts'
import { openProvider } from '../adapters/gpu/provider.ts'
import { realPath } from '../adapters/kernel/libc/paths.ts'
import { startedFrom } from '../adapters/process/self.ts'
import { installedPool } from '../adapters/service/machine-setting.ts'
import { installedUnit } from '../adapters/service/systemd.ts'
import { PROTOCOL_VERSION } from '../app/remote/protocol.ts'
import type { TypedLine } from '../cli/context.ts'
import {
  type DriverAnswer,
  deviceFindings,
  driverFindings,
  persistenceFindings,
} from '../domain/diagnosis/driver-rules.ts'
import type { Check, Finding } from '../domain/diagnosis/finding.ts'
import {
  clockFindings,
  diskFindings,
  programFindings,
  serviceFindings,
} from '../domain/diagnosis/machine-rules.ts'
import { poolFindings, uncheckedPool } from '../domain/diagnosis/pool-rules.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { clockJump } from '../domain/pool/clock.ts'
import type { Millis, ProviderName } from '../domain/pool/model.ts'
import {
  DEFAULT_POOL,
  MACHINE_FILE,
  SETTINGS,
  type Settings,
  socketPathIn,
  storePathIn,
} from '../domain/settings.ts'
import { ConnectionFailed } from '../ports/daemon-connection.ts'
import { differenceProblem } from '../views/words/differences.ts'
import { configuration, configurationIfValid } from './configuration.ts'
import type { PoolAccess } from './pool-access.ts'
import { reasonOf } from './reason-of.ts'
import { builtAt, versionWithCommit } from './version.ts'

export interface DoctorParts extends Pick<TypedLine, 'flags'> {
  readonly configFile: string | undefined
  readonly settings: Settings
  readonly access: () => Promise<PoolAccess>
}

export interface Machine extends DoctorParts {
  /** The `PATH` of the user. */
  readonly path: string
  /** For starting programs. */
  readonly env: Readonly<Record<string, string | undefined>>
}

const PROVIDERS: readonly ProviderName[] = ['nvml', 'nvidia-smi', 'amd-smi']

/** What `doctor` examines: facts from the adapters, and what the rules make of them. */
export const EXAMINATIONS: Readonly<Record<Check, (machine: Machine) => Promise<readonly Finding[]>>> = {
  configuration: examineConfiguration,
  driver: async ({ env, settings: { probeTimeout } }) =>
    driverFindings(
      await Promise.all(PROVIDERS.map((provider) => askDriver(provider, env, probeTimeout))),
      driverVersions(),
    ),
  devices: async () => deviceFindings(devices()),
  persistence: async ({ env, settings: { probeTimeout } }) => {
    const modes = await persistenceModes(env, probeTimeout)
    if (modes !== null) return persistenceFindings(modes)
    return driverVersions().nvidiaModule === undefined
      ? [{ code: 'persistence-unneeded' }]
      : persistenceFindings({ reason: 'nvidia-smi was not found' })
  },
  pool: examinePool,
  disk: async ({ settings }) => {
    const file = storePathIn(settings.store) ?? installedPool() ?? DEFAULT_POOL
    const space = diskSpace(file)
    return 'reason' in space
      ? [{ code: 'disk-unknown', path: file, reason: space.reason }]
      : diskFindings(space)
  },
  clock: examineClock,
  service: ifConfigured('service', examineService),
  board: ifConfigured('board', async (machine) => (await import('./examine-board.ts')).examineBoard(machine)),
  programs: async ({ path, env }) => {
    const program = startedFrom() ?? process.execPath
    const own = { path: program, file: realPath(program), version: versionWithCommit() }
    return programFindings(await programCopies({ path, home: process.env.HOME, env, own }), own)
  },
}

/** A configuration that cannot be read may name a daemon and a notice board, so nothing is known about them. */
function ifConfigured(
  check: Check,
  examine: (machine: Machine) => Promise<readonly Finding[]>,
): (machine: Machine) => Promise<readonly Finding[]> {
  return async (machine) => {
    const isInvalid = (await examineConfiguration(machine)).some(
      ({ code }) => code === 'configuration-invalid',
    )
    return isInvalid ? [{ code: 'unexamined', check, reason: INVALID }] : examine(machine)
  }
}

const INVALID = 'the configuration is not valid: see canhazgpu doctor configuration'

async function examineConfiguration({ flags, configFile }: Machine): Promise<readonly Finding[]> {
  const skipped: Finding[] = []
  const names = Object.values(SETTINGS).map((setting) => setting.env)
  const variables = names.filter((name) => (process.env[name] ?? '') !== '')
  try {
    const { files } = await configuration({
      flags,
      configFile,
      warn: ({ message }) => void skipped.push({ code: 'configuration-skipped', reason: message }),
    })
    return [{ code: 'configured', files: files.map((file) => file.path), variables }, ...skipped]
  } catch (error) {
    return [...skipped, { code: 'configuration-invalid', ...reasonOf(error) }]
  }
}

async function askDriver(
  provider: ProviderName,
  env: Machine['env'],
  timeout: Millis,
): Promise<DriverAnswer> {
  try {
    const { readings } = await openProvider(provider, { gpuCount: 0, env }).probe(timeout)
    return { provider, kind: 'gpus', readings }
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    return { provider, kind: 'failed', error: error.code, ...reasonOf(error) }
  }
}

/** The check of `admin --check`. */
async function examinePool({ access, settings }: Machine): Promise<readonly Finding[]> {
  try {
    const { driver, problems, ...checked } = await (await (await access()).administration()).check()
    const differences = driver?.kind === 'compared' ? driver.differences : []
    const provider = checked.pool?.provider
    return poolFindings({
      ...checked,
      problems: [...problems, ...differences.map(differenceProblem)],
      ...(provider === undefined ? {} : { provider }),
      ...(driver?.kind === 'unanswered' ? { notCompared: driver.reason } : {}),
    })
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    const finding = uncheckedPool(error, socketPathIn(settings.store) !== undefined)
    return [finding.code === 'pool-closed' ? { ...finding, ...(await providerOf(access)) } : finding]
  }
}

/** Every account may ask the daemon for the settings of its pool. */
async function providerOf(access: Machine['access']): Promise<{ readonly provider?: ProviderName }> {
  try {
    const { pool } = await (await (await access()).administration()).settings()
    return { provider: pool.provider }
  } catch (error) {
    if (error instanceof CanhazgpuError) return {}
    throw error
  }
}

async function examineClock({ access }: Machine): Promise<readonly Finding[]> {
  const jump = await poolClock(access)
  return clockFindings({ now: Date.now(), built: builtAt(), jump })
}

async function poolClock(access: Machine['access']): Promise<Millis | null | undefined> {
  try {
    const { pool, moment } = await (await (await access()).pool()).view('stored')
    return clockJump(pool.writtenAt, moment)
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    return error.code === 'pool-not-initialized' ? undefined : null
  }
}

async function examineService({ settings, env, flags, configFile }: Machine): Promise<readonly Finding[]> {
  const socket = socketPathIn(settings.store)
  const unit = installedUnit()
  const { files } = await configurationIfValid({ flags, configFile, warn: () => {} })
  const machineStore = files.find((file) => file.path === MACHINE_FILE)?.values.store
  const isMachineServed = typeof machineStore === 'string' && socketPathIn(machineStore) !== undefined
  const [manager, daemon] = await Promise.all([
    unitState(env),
    socket === undefined ? undefined : greeted(socket),
  ])
  return serviceFindings({
    ...{ manager, isMachineServed },
    own: versionWithCommit(),
    ...(socket === undefined ? {} : { socket }),
    ...(unit === undefined ? {} : { unit }),
    ...(daemon === undefined ? {} : { daemon }),
  })
}

const GREETS_WITHIN_MS: Millis = 5_000

/** The version in the daemon's answer to a greeting. */
async function greeted(
  socket: string,
): Promise<{ readonly version?: string } | { readonly reason: string; readonly hint?: string }> {
  try {
    return await withinDeadline(GREETS_WITHIN_MS, `The daemon at ${socket}`, async (signal) => {
      const connection = await connectToDaemon(socket)
      signal.addEventListener('abort', () => connection.close())
      connection.send(JSON.stringify({ protocol: PROTOCOL_VERSION }))
      const answer: unknown = JSON.parse((await connection.receive()) ?? '{}')
      return versionIn(answer)
    })
  } catch (error) {
    if (error instanceof ConnectionFailed) return { reason: error.message }
    if (error instanceof SyntaxError) return { reason: 'the answer is not one of a daemon' }
    return reasonOf(error)
  }
}

function versionIn(answer: unknown): { readonly version?: string } | { readonly reason: string } {
  const isGreeting = typeof answer === 'object' && answer !== null && 'protocol' in answer
  if (!isGreeting) return { reason: 'the daemon refused the connection' }
  return 'version' in answer ? { version: String(answer.version) } : {}
}
