import { CanhazgpuError } from '../domain/errors.ts'
import { SETTINGS, type SettingSpec, type Settings } from '../domain/settings.ts'
import { shortened } from '../domain/text.ts'
import { findPath } from './os/libc.ts'
import { readSmallFile } from './os/small-file.ts'

export interface SettingSources {
  /** As typed, by setting name; absent where not given. */
  readonly flags: Readonly<Partial<Record<keyof Settings, string>>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** `--config`, which must then exist. */
  readonly configFile?: string
}

/**
 * Flags, then environment, then `--config` or `~/.canhazgpu.yaml`, then `/etc/canhazgpu/config.yaml`, then
 * defaults. Throws `usage` for a wrong flag and `config-invalid` for the others, naming where it stands.
 */
export async function loadSettings(sources: SettingSources): Promise<Settings> {
  return settingsFrom(sources, configFiles(sources))
}

/** As `loadSettings`, with the values of the files, those that go before others first. */
export function settingsFrom(
  sources: Pick<SettingSources, 'flags' | 'env'>,
  files: readonly ConfigFile[],
): Settings {
  const pick = <Name extends keyof Settings>(name: Name): Settings[Name] => {
    const spec = SETTINGS[name]
    const flag = sources.flags[name]
    if (flag !== undefined) return readOrThrow(spec, flag, 'usage', `--${spec.key}`)
    const variable = sources.env[spec.env]
    if (variable !== undefined && variable !== '') {
      return readOrThrow(spec, variable, 'config-invalid', spec.env)
    }
    for (const file of files) {
      const value = file.values[spec.key]
      if (value !== undefined) return readOrThrow(spec, value, 'config-invalid', `${file.path}: ${spec.key}`)
    }
    return spec.default
  }
  return {
    store: pick('store'),
    memoryThreshold: pick('memoryThreshold'),
    probeTimeout: pick('probeTimeout'),
    runWait: pick('runWait'),
    reserveWait: pick('reserveWait'),
    webToken: pick('webToken'),
    webBasic: pick('webBasic'),
  }
}

function readOrThrow<Value>(
  spec: SettingSpec<Value>,
  value: unknown,
  code: 'usage' | 'config-invalid',
  where: string,
): Value {
  const read = spec.read(value)
  if (read !== undefined) return read
  throw new CanhazgpuError(
    code,
    `Invalid value for ${where}: ${shownValue(value)} - expected ${spec.expected}`,
  )
}

/** A file may hold values that have no end. */
function shownValue(value: unknown): string {
  if (typeof value === 'number') return String(value)
  try {
    return shortened(JSON.stringify(value), LONGEST_SHOWN)
  } catch {
    return Array.isArray(value) ? '[…]' : '{…}'
  }
}

const LONGEST_SHOWN = 200

export interface ConfigFile {
  readonly path: string
  readonly values: Readonly<Record<string, unknown>>
}

function configFiles(sources: SettingSources): readonly ConfigFile[] {
  const home = sources.env.HOME
  const personal = sources.configFile ?? (home === undefined ? undefined : `${home}/.canhazgpu.yaml`)
  const files: ConfigFile[] = []
  for (const path of [personal, '/etc/canhazgpu/config.yaml']) {
    if (path === undefined) continue
    const text = contentsOf(path, path === sources.configFile)
    if (text !== null) files.push({ path, values: parseConfig(path, text) })
  }
  return files
}

function contentsOf(path: string, required: boolean): string | null {
  // Most have none; or it is in a folder closed to us, another user's `$HOME` kept by `su`.
  if (!required && findPath(path) !== 0) return null
  const read = readSmallFile(path, MOST_BYTES)
  if (typeof read === 'string') return read
  const why = read.kind === 'too-large' ? `it has more than ${MOST_BYTES} bytes` : read.reason
  throw new CanhazgpuError('config-invalid', `Cannot read the configuration ${path}: ${why}`)
}

/** Room for every setting many times over; long keys take the parsers long. */
const MOST_BYTES = 64 * 1024

/** Reads YAML, TOML or JSON by the file's ending; throws `config-invalid` for anything but known keys. */
export function parseConfig(path: string, text: string): Readonly<Record<string, unknown>> {
  const values = parseByEnding(path, text)
  if (values === null || values === undefined) return {}
  if (typeof values !== 'object' || Array.isArray(values)) {
    throw new CanhazgpuError('config-invalid', `Invalid configuration ${path}: expected keys and values`)
  }
  const known = Object.values(SETTINGS).map((spec) => spec.key)
  const flat = flattened(Object.entries(values), known)
  for (const key of Object.keys(flat)) {
    if (known.includes(key)) continue
    throw new CanhazgpuError('config-invalid', `Unknown key '${key}' in ${path}`, {
      hint: `known keys: ${known.join(', ')}`,
    })
  }
  return flat
}

/** `run: { wait: true }` and `run.wait: true` are the same. */
function flattened(
  entries: readonly (readonly [string, unknown])[],
  known: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(
    entries.flatMap(([key, value]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) && !known.includes(key)
        ? Object.entries(value).map(([inner, each]) => [`${key}.${inner}`, each] as const)
        : [[key, value] as const],
    ),
  )
}

function parseByEnding(path: string, text: string): unknown {
  try {
    if (path.endsWith('.toml')) return Bun.TOML.parse(text)
    if (path.endsWith('.json')) return JSON.parse(text)
    return Bun.YAML.parse(text)
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new CanhazgpuError('config-invalid', `Cannot parse the configuration ${path}: ${said}`, { cause })
  }
}
