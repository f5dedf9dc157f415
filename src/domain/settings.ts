import { parseDuration } from './duration.ts'
import type { Millis } from './model.ts'
import { DEFAULT_MEMORY_THRESHOLD_MB } from './usage.ts'

/** What every command needs to know of its surroundings, from flags, environment, files and defaults. */
export interface Settings {
  /** URL of the pool: `sqlite:///path/to/pool.db`. */
  readonly store: string
  /** From how much memory on an unreserved GPU counts as use, MB. */
  readonly memoryThreshold: number
  /** How long the GPU driver may take to answer. */
  readonly probeTimeout: Millis
}

export interface SettingSpec<Value> {
  /** Name in configuration files, and of the flag with `--` before it. */
  readonly key: string
  readonly env: string
  readonly default: Value
  /** What it is, for `--help` and the documentation. */
  readonly describe: string
  /** The default as one would type it. */
  readonly show: string
  readonly expected: string
  /** Reads a value of a flag or variable (text) or of a file (text, number, boolean); undefined: wrong type. */
  readonly read: (value: unknown) => Value | undefined
}

/** Every setting, once: flags, variables, files and the documentation all derive from this table. */
export const SETTINGS: { readonly [Name in keyof Settings]: SettingSpec<Settings[Name]> } = {
  store: {
    key: 'store',
    env: 'CANHAZGPU_STORE',
    default: 'sqlite:///var/lib/canhazgpu/pool.db',
    describe: 'Where the pool is kept',
    show: 'sqlite:///var/lib/canhazgpu/pool.db',
    expected: 'a URL such as sqlite:///var/lib/canhazgpu/pool.db',
    read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
  },
  memoryThreshold: {
    key: 'memory-threshold',
    env: 'CANHAZGPU_MEMORY_THRESHOLD',
    default: DEFAULT_MEMORY_THRESHOLD_MB,
    describe: 'Memory on an unreserved GPU that counts as use, MB',
    show: String(DEFAULT_MEMORY_THRESHOLD_MB),
    expected: 'a whole number of megabytes above zero, such as 1024',
    read: (value) => {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : undefined
    },
  },
  probeTimeout: {
    key: 'probe-timeout',
    env: 'CANHAZGPU_PROBE_TIMEOUT',
    default: 10_000,
    describe: 'How long the GPU driver may take to answer',
    show: '10s',
    expected: 'a duration such as 10s or 1m',
    read: (value) => {
      try {
        return typeof value === 'string' ? parseDuration(value) : undefined
      } catch {
        return undefined
      }
    },
  },
}
