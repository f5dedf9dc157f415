import { CanhazgpuError } from '../../domain/errors.ts'
import {
  type Found,
  findsNothing,
  MACHINE_FILE,
  SETTINGS,
  type SettingName,
  type SettingSpec,
  type Settings,
} from '../../domain/settings.ts'
import { shortened } from '../../domain/text/text.ts'
import { EACCES } from '../kernel/libc/errno.ts'
import { findPath } from '../kernel/libc/paths.ts'
import type { ConfigFile, FileSources } from './config-file.ts'

export interface SettingSources {
  /** As typed, by setting name; absent if not given. */
  readonly flags: Readonly<Partial<Record<keyof Settings, string>>>
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The configuration from environment and files, the file with precedence first. */
export interface Configuration {
  readonly files: readonly ConfigFile[]
  readonly lookUp: (name: SettingName) => Found | undefined
}

/** Throws `config-invalid` for a file that cannot be used. */
export async function readConfiguration(sources: FileSources): Promise<Configuration> {
  const files = await readFiles(sources)
  if (files.length === 0 && !hasOptions(sources.env)) return { files, lookUp: findsNothing }
  return {
    files,
    lookUp({ key, env }) {
      const variable = sources.env[env]
      if (variable !== undefined && variable !== '') return { value: variable, where: env, quotable: true }
      const file = files.find(({ values }) => values[key] !== undefined)
      if (file === undefined) return undefined
      return { value: file.values[key], where: `${file.path}: ${key}`, quotable: file.quotable }
    },
  }
}

/** Whether a variable sets an option of a command, such as `CANHAZGPU_RUN_TIMEOUT`. */
function hasOptions(env: FileSources['env']): boolean {
  for (const name in env) {
    if (name.startsWith('CANHAZGPU_') && !Object.values(SETTINGS).some((spec) => spec.env === name))
      return true
  }
  return false
}

/** If there are no files, as for most users, the code that reads them is not loaded. */
async function readFiles(sources: FileSources): Promise<readonly ConfigFile[]> {
  const { configFile, env } = sources
  const personal = configFile ?? (env.HOME === undefined ? undefined : `${env.HOME}/.canhazgpu.yaml`)
  const paths = [personal, MACHINE_FILE].filter((path) => path !== undefined)
  const existing = paths.filter((path) => path === configFile || isPresent(path))
  if (existing.length === 0) return []
  const { configFiles } = await import('./config-file.ts')
  return configFiles(existing, sources)
}

/** A personal file in a folder that this process cannot search is ignored: `su` can keep another user's `$HOME`. */
function isPresent(path: string): boolean {
  const found = findPath(path)
  return found === 0 || (path === MACHINE_FILE && found === -EACCES)
}

/**
 * Precedence: flags, environment, `--config` or `~/.canhazgpu.yaml`, `/etc/canhazgpu/config.yaml`, defaults. Throws
 * `usage` for a wrong flag or store and `config-invalid` for the others, with the place of the value.
 */
export function settingsFrom(sources: SettingSources, files: readonly ConfigFile[]): Settings {
  const pick = <Name extends keyof Settings>(name: Name): Settings[Name] => {
    const spec = SETTINGS[name]
    const flag = sources.flags[name]
    if (flag !== undefined) {
      return readOrThrow(spec, flag, { code: 'usage', where: `--${spec.key}`, shown: flag })
    }
    const variable = sources.env[spec.env]
    if (variable !== undefined && variable !== '') {
      return readOrThrow(spec, variable, { code: 'config-invalid', where: spec.env, shown: variable })
    }
    for (const file of files) {
      const key = spec.alias !== undefined && spec.alias in file.values ? spec.alias : spec.key
      const value = file.values[key]
      if (value === undefined) continue
      const shown = file.quotable ? value : undefined
      return readOrThrow(spec, value, { code: 'config-invalid', where: `${file.path}: ${key}`, shown })
    }
    return spec.default
  }
  return {
    store: pick('store'),
    memoryThreshold: pick('memoryThreshold'),
    probeTimeout: pick('probeTimeout'),
    noColor: pick('noColor'),
    webToken: pick('webToken'),
    webBasic: pick('webBasic'),
    fleet: pick('fleet'),
    remoteHosts: pick('remoteHosts'),
    hostName: pick('hostName'),
  }
}

function readOrThrow<Value>(spec: SettingSpec<Value>, value: unknown, { code, where, shown }: Origin): Value {
  const read = spec.read(value)
  if (read !== undefined) return read
  const given = shown === undefined || spec.isSecret === true ? '' : `: ${shownValue(shown)}`
  throw new CanhazgpuError(
    spec.isUsage === true ? 'usage' : code,
    `Invalid value for ${where}${given} - expected ${spec.expected}`,
  )
}

/** Where a value comes from. */
interface Origin {
  readonly code: 'usage' | 'config-invalid'
  readonly where: string
  /** The value, if an error may quote it. */
  readonly shown: unknown
}

/** A file may hold values of any length. */
function shownValue(value: unknown): string {
  if (typeof value === 'number') return String(value)
  try {
    return shortened(JSON.stringify(value), LONGEST_SHOWN)
  } catch {
    return Array.isArray(value) ? '[…]' : '{…}'
  }
}

const LONGEST_SHOWN = 200
