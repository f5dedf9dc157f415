import { BOARD_EXPECTED, type BoardAddress, readBoardAddress } from './fleet/board-address.ts'
import {
  HOST_NAME_EXPECTED,
  type HostName,
  REMOTE_HOSTS_EXPECTED,
  type RemoteHost,
  readHostName,
  readRemoteHosts,
} from './fleet/host-name.ts'
import type { Millis } from './pool/model.ts'
import { parseDuration } from './text/duration.ts'

/** The settings of every command, from flags, environment, files and defaults. */
export interface Settings {
  /** URL of the pool: `sqlite:///path/to/pool.db`. */
  readonly store: string
  /** The memory that counts as use of an unreserved GPU, MB; null: the pool's threshold. */
  readonly memoryThreshold: number | null
  /** Time limit for an answer of the GPU driver. */
  readonly probeTimeout: Millis
  readonly noColor: boolean
  /** Bearer token, and `user:password`, that `web` requires; null: none. */
  readonly webToken: string | null
  readonly webBasic: string | null
  /** The notice board of several hosts; null: none. */
  readonly fleet: BoardAddress | null
  /** The hosts that are asked over SSH. */
  readonly remoteHosts: readonly RemoteHost[]
  /** The name of this host on the board; null: its short host name. See `ownHostName`. */
  readonly hostName: HostName | null
}

export interface SettingSpec<Value> {
  /** The name in configuration files and of the flag, if it has one. A dot means a key within a key. */
  readonly key: string
  /** The name in the files of the original canhazgpu. */
  readonly alias?: string
  /** Whether every command accepts `--<key>`. */
  readonly flag: boolean
  /** Whether that flag takes no value. */
  readonly isSwitch?: boolean
  /** A wrong value is wrong usage (exit status 2), also in a file or variable. */
  readonly isUsage?: boolean
  /** Errors and the trace never repeat its value. */
  readonly isSecret?: boolean
  readonly env: string
  readonly default: Value
  /** Description for `--help` and the documentation. */
  readonly describe: string
  /** The default as a user types it. */
  readonly show: string
  readonly expected: string
  /** Reads a value of a flag or variable (text) or of a file (text, number, boolean); undefined: wrong type. */
  readonly read: (value: unknown) => Value | undefined
}

/** The configuration of every user of the machine. */
export const MACHINE_FILE = '/etc/canhazgpu/config.yaml'

export const MEGABYTES_EXPECTED = 'a whole number of megabytes above zero, such as 1024'

/** The value of a key in a configuration file or a variable. */
export interface Found {
  readonly value: unknown
  /** The variable, or the file and the key in it. */
  readonly where: string
  /** Whether an error may repeat the value. */
  readonly quotable: boolean
}

/** Finds the value of no key: nothing but settings is configured. */
export const findsNothing = (): undefined => undefined

/** The names of a default: a key in files (a dot means a key within a key) and a variable. */
export interface SettingName {
  readonly key: string
  readonly env: string
}

/** All settings. Flags, variables, files and the documentation derive from this table. */
export const SETTINGS: { readonly [Name in keyof Settings]: SettingSpec<Settings[Name]> } = {
  store: {
    key: 'store',
    flag: true,
    isUsage: true,
    env: 'CANHAZGPU_STORE',
    default: 'sqlite:///var/lib/canhazgpu/pool.db',
    describe: 'Where the pool is kept',
    show: 'sqlite:///var/lib/canhazgpu/pool.db',
    expected: 'sqlite:///absolute/path/to/pool.db, the path alone, or unix:///path/to/daemon.sock',
    read: (value) =>
      typeof value === 'string' && (storePathIn(value) ?? socketPathIn(value)) !== undefined
        ? value
        : undefined,
  },
  memoryThreshold: {
    key: 'memory-threshold',
    alias: 'memory.threshold',
    flag: true,
    env: 'CANHAZGPU_MEMORY_THRESHOLD',
    default: null,
    describe: "Memory on an unreserved GPU that counts as use, MB; at most the pool's",
    show: "the pool's",
    expected: MEGABYTES_EXPECTED,
    read: readMegabytes,
  },
  probeTimeout: {
    key: 'probe-timeout',
    flag: true,
    env: 'CANHAZGPU_PROBE_TIMEOUT',
    default: 10_000,
    describe: 'How long the GPU driver may take to answer',
    show: '10s',
    expected: 'a duration such as 10s or 1m',
    read: readDuration,
  },
  noColor: {
    key: 'no-color',
    flag: true,
    isSwitch: true,
    env: 'CANHAZGPU_NO_COLOR',
    default: false,
    describe: 'Print without colors',
    show: 'false',
    expected: 'true or false',
    read: readSwitch,
  },
  webToken: {
    key: 'web.token',
    flag: false,
    isSecret: true,
    env: 'CANHAZGPU_WEB_TOKEN',
    default: null,
    describe: "Bearer token that 'web' requires, or password of any user",
    show: 'none',
    expected: 'a text of at least 8 characters',
    read: (value) => (typeof value === 'string' && value.length >= 8 ? value : undefined),
  },
  webBasic: {
    key: 'web.basic',
    flag: false,
    isSecret: true,
    env: 'CANHAZGPU_WEB_BASIC',
    default: null,
    describe: "User and password that 'web' requires",
    show: 'none',
    expected: "a text such as 'user:password'",
    read: (value) => (typeof value === 'string' && /^[^:]+:./.test(value) ? value : undefined),
  },
  fleet: {
    key: 'fleet',
    flag: false,
    isSecret: true,
    env: 'CANHAZGPU_FLEET',
    default: null,
    describe: 'Notice board of several hosts (Redis or Valkey)',
    show: 'none',
    expected: BOARD_EXPECTED,
    read: readBoardAddress,
  },
  remoteHosts: {
    key: 'remote_hosts',
    flag: false,
    env: 'CANHAZGPU_REMOTE_HOSTS',
    default: [],
    describe: 'Hosts that are asked over SSH',
    show: 'none',
    expected: REMOTE_HOSTS_EXPECTED,
    read: readRemoteHosts,
  },
  hostName: {
    key: 'host-name',
    flag: false,
    env: 'CANHAZGPU_HOST_NAME',
    default: null,
    describe: 'Name of this host for other hosts',
    show: 'its host name',
    expected: HOST_NAME_EXPECTED,
    read: readHostName,
  },
}

const STORE_SCHEME = 'sqlite://'
const DAEMON_SCHEME = 'unix://'

/** The socket of the daemon, unless a setting names another. */
export const DEFAULT_SOCKET = '/run/canhazgpu/daemon.sock'

/** The database, unless a setting names another. */
export const DEFAULT_POOL = '/var/lib/canhazgpu/pool.db'

/** The path of the daemon's socket in a store URL; undefined for another store. */
export function socketPathIn(url: string): string | undefined {
  const path = url.startsWith(DAEMON_SCHEME) ? url.slice(DAEMON_SCHEME.length) : ''
  return path.startsWith('/') && !path.endsWith('/') && !path.includes('\0') ? path : undefined
}

/**
 * Whether a pool at this store may use real GPUs. Where the configuration of the machine names a daemon, only the daemon
 * may: two pools would grant the same GPU twice.
 */
export function mayUseRealGpus(store: string, machineStore: unknown): boolean {
  const isDaemon = typeof machineStore === 'string' && socketPathIn(machineStore) !== undefined
  return !isDaemon || machineStore === store
}

/** The path in a store URL, or the path itself; undefined if it is neither. */
export function storePathIn(url: string): string | undefined {
  const path = url.startsWith(STORE_SCHEME) ? url.slice(STORE_SCHEME.length) : url
  return path.startsWith('/') && !path.endsWith('/') && !path.includes('\0') ? path : undefined
}

/** Reads a whole number above zero; undefined for anything else. */
export function readMegabytes(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : undefined
}

function readSwitch(value: unknown): boolean | undefined {
  if (value === true || value === 'true' || value === '1') return true
  return value === false || value === 'false' || value === '0' ? false : undefined
}

function readDuration(value: unknown): Millis | undefined {
  try {
    return typeof value === 'string' ? parseDuration(value) : undefined
  } catch {
    return undefined
  }
}
