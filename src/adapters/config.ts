import { CanhazgpuError } from '../domain/errors.ts'
import { SETTINGS, type SettingSpec, type Settings } from '../domain/settings.ts'
import { shortened } from '../domain/text.ts'
import { type ConfigFile, configFiles, type FileSources } from './config-file.ts'

export interface SettingSources extends FileSources {
  /** As typed, by setting name; absent where not given. */
  readonly flags: Readonly<Partial<Record<keyof Settings, string>>>
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
    if (flag !== undefined) {
      return readOrThrow(spec, flag, { code: 'usage', where: `--${spec.key}`, shown: flag })
    }
    const variable = sources.env[spec.env]
    if (variable !== undefined && variable !== '') {
      return readOrThrow(spec, variable, { code: 'config-invalid', where: spec.env, shown: variable })
    }
    for (const file of files) {
      const value = file.values[spec.key]
      if (value === undefined) continue
      const shown = file.quotable ? value : undefined
      return readOrThrow(spec, value, { code: 'config-invalid', where: `${file.path}: ${spec.key}`, shown })
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
  { code, where, shown }: Complaint,
): Value {
  const read = spec.read(value)
  if (read !== undefined) return read
  const given = shown === undefined ? '' : `: ${shownValue(shown)}`
  throw new CanhazgpuError(code, `Invalid value for ${where}${given} - expected ${spec.expected}`)
}

interface Complaint {
  readonly code: 'usage' | 'config-invalid'
  readonly where: string
  /** What is repeated of the value; undefined: nothing. */
  readonly shown: unknown
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
