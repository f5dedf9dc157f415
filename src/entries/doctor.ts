import { resolve } from 'node:path'
import { recordDrivers } from '../adapters/diagnosis/recording.ts'
import { refuseTaken, writeArchive, writeFolder } from '../adapters/files/new-files.ts'
import { withinDeadline } from '../adapters/gpu/deadline.ts'
import { firstLine } from '../adapters/gpu/driver-text.ts'
import { runProgram } from '../adapters/gpu/run-program.ts'
import { driverEnvironment } from '../adapters/process/driver-environment.ts'
import { selfCommand } from '../adapters/process/self.ts'
import type { Doctor } from '../cli/context.ts'
import type { Check, Finding } from '../domain/diagnosis/finding.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Millis } from '../domain/pool/model.ts'
import { SETTINGS, type Settings } from '../domain/settings.ts'
import { findingsOf } from '../views/documents/doctor-document.ts'
import type { DoctorDocument } from '../views/schemas/doctor.ts'
import { configurationIfValid } from './configuration.ts'
import { type DoctorParts, EXAMINATIONS, type Machine } from './examinations.ts'
import { versionWithCommit } from './version.ts'

/** A locked pool is given up after 30 s, and the driver after its own time. */
const LONGER_THAN_PROBE_MS: Millis = 5_000
const LONGER_THAN_LOCK_MS: Millis = 35_000

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
    writeBundle: async (file, examine) => {
      refuseTaken(file)
      const findings = await examine()
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
      refuseTaken(folder)
      const files = await recordDrivers(machine.env, parts.settings.probeTimeout)
      if (Object.keys(files).length === 0) throw nothingToCapture()
      return { path: writeFolder(folder, files), contents: Object.keys(files).toSorted() }
    },
  }
}

/** `doctor CHECK --json` in a child: a check can hang in a file system or in a driver. */
async function examineApart(
  check: Check,
  parts: DoctorParts,
  env: Machine['env'],
): Promise<readonly Finding[]> {
  const usesPool = check === 'pool' || check === 'clock' || check === 'board'
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
