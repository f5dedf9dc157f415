import { resolve } from 'node:path'
import { connectToDaemon } from '../adapters/daemon/connect.ts'
import { devices, driverVersions } from '../adapters/diagnosis/devices.ts'
import { diskSpace } from '../adapters/diagnosis/disk.ts'
import { writeArchive, writeFolder } from '../adapters/diagnosis/new-files.ts'
import { persistenceModes } from '../adapters/diagnosis/persistence.ts'
import { programCopies } from '../adapters/diagnosis/programs.ts'
import { recordDrivers } from '../adapters/diagnosis/recording.ts'
import { unitState } from '../adapters/diagnosis/unit-state.ts'
import { withinDeadline } from '../adapters/gpu/deadline.ts'
import { firstLine } from '../adapters/gpu/driver-text.ts'
import { openProvider } from '../adapters/gpu/provider.ts'
import { runProgram } from '../adapters/gpu/run-program.ts'
import { realPath } from '../adapters/kernel/libc.ts'
import { driverEnvironment } from '../adapters/process/driver-environment.ts'
import { selfCommand, startedFrom } from '../adapters/process/self.ts'
import { installedPool } from '../adapters/service/machine-setting.ts'
import { installedUnit } from '../adapters/service/systemd.ts'
import { PROTOCOL_VERSION } from '../app/remote/protocol.ts'
import type { Doctor, TypedLine } from '../cli/context.ts'
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
import { findingsOf } from '../views/documents/doctor-document.ts'
import type { DoctorDocument } from '../views/schemas/doctor.ts'
import { differenceProblem } from '../views/words/differences.ts'
import { configuration, configurationIfValid } from './configuration.ts'
import type { PoolAccess } from './pool-access.ts'
import { builtAt, versionWithCommit } from './version.ts'

export interface DoctorParts extends Pick<TypedLine, 'flags'> {
  readonly configFile: string | undefined
  readonly settings: Settings
  readonly access: () => Promise<PoolAccess>
}

/** A locked pool is given up after 30 s, and the driver after its own time. */
const LONGER_THAN_PROBE_MS: Millis = 5_000
const LONGER_THAN_LOCK_MS: Millis = 35_000

const PROVIDERS: readonly ProviderName[] = ['nvml', 'nvidia-smi', 'amd-smi']

/** Examines this machine. As root it starts no program that another user could have planted on `PATH`. */
export function doctor(parts: DoctorParts): Doctor {
  const path = process.env.PATH ?? ''
  const childEnvironment = { ...process.env }
  const env = driverEnvironment(process.env)
  process.env.PATH = env.PATH
  const machine: Machine = { ...parts, path, env: { ...process.env } }
  return {
    examine: (check) => EXAMINATIONS[check](machine),
    examineApart: async (checks) => {
      const found = await Promise.all(checks.map((check) => examineApart(check, parts, childEnvironment)))
      return found.flat()
    },
    writeBundle: async (file, findings) => {
      const { bundleFiles } = await import('./bundle.ts')
      const keys = await configuredKeys(parts)
      const { probeTimeout } = parts.settings
      const options = typedOptions(parts)
      const files = await bundleFiles({
        ...{ version: versionWithCommit(), findings, options, env: machine.env, probeTimeout, keys },
      })
      return { path: await writeArchive(file, files), contents: Object.keys(files).toSorted() }
    },
    writeCapture: async (folder) => {
      const files = await recordDrivers(machine.env, parts.settings.probeTimeout)
      if (Object.keys(files).length === 0) throw nothingToCapture()
      return { path: writeFolder(folder, files), contents: Object.keys(files).toSorted() }
    },
  }
}

interface Machine extends DoctorParts {
  /** The `PATH` of the user. */
  readonly path: string
  /** For starting programs. */
  readonly env: Readonly<Record<string, string | undefined>>
}

const EXAMINATIONS: Readonly<Record<Check, (machine: Machine) => Promise<readonly Finding[]>>> = {
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
  service: examineService,
  programs: async ({ path, env }) => {
    const program = startedFrom() ?? process.execPath
    const own = { path: program, file: realPath(program), version: versionWithCommit() }
    return programFindings(await programCopies({ path, home: process.env.HOME, env, own }), own)
  },
}

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

function reasonOf(error: unknown): { readonly reason: string; readonly hint?: string } {
  if (!(error instanceof CanhazgpuError)) throw error
  const { message, hint } = error
  return { reason: message, ...(hint === undefined ? {} : { hint }) }
}

/** `doctor CHECK --json` in a child: a check can hang in a file system or in a driver. */
async function examineApart(
  check: Check,
  parts: DoctorParts,
  env: Machine['env'],
): Promise<readonly Finding[]> {
  const usesPool = check === 'pool' || check === 'clock'
  const deadline = parts.settings.probeTimeout + (usesPool ? LONGER_THAN_LOCK_MS : LONGER_THAN_PROBE_MS)
  const command = selfCommand(['doctor', check, '--json', ...typedOptions(parts)])
  try {
    const { stdout, stderr } = await withinDeadline(deadline, check, (signal) =>
      runProgram(command, { env, signal }),
    )
    return findingsIn(stdout) ?? [{ code: 'unexamined', check, reason: firstLine(stderr) }]
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    return error.code === 'driver-unresponsive'
      ? [{ code: 'unfinished', check, seconds: deadline / 1000 }]
      : [{ code: 'unexamined', check, reason: error.message }]
  }
}

/** The settings that were typed, for a child, which starts in another folder. */
function typedOptions({ flags, configFile }: DoctorParts): readonly string[] {
  const typed = Object.entries(flags).map(
    ([name, value]) => `--${SETTINGS[name as keyof Settings].key}=${value}`,
  )
  return configFile === undefined ? typed : [...typed, `--config=${resolve(configFile)}`]
}

async function configuredKeys({
  flags,
  configFile,
}: DoctorParts): Promise<Readonly<Record<string, readonly string[]>>> {
  const { files } = await configurationIfValid({ flags, configFile, warn: () => {} })
  return Object.fromEntries(files.map(({ path, values }) => [path, Object.keys(values)]))
}

const nothingToCapture = (): CanhazgpuError =>
  new CanhazgpuError('driver-missing', 'There is no GPU driver whose answers could be recorded', {
    hint: "see 'canhazgpu doctor driver'",
  })

function findingsIn(text: string): readonly Finding[] | null {
  try {
    return findingsOf(JSON.parse(text) as DoctorDocument)
  } catch {
    return null
  }
}
