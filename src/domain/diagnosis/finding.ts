import type { ErrorCode } from '../errors.ts'
import type { ProviderName } from '../pool/model.ts'
import type { Problem } from '../pool/soundness.ts'

/** The parts of a machine that `doctor` examines, in the order of its output. */
export const CHECKS = [
  'configuration',
  'driver',
  'devices',
  'persistence',
  'pool',
  'disk',
  'clock',
  'service',
  'board',
  'programs',
] as const
export type Check = (typeof CHECKS)[number]

/** `unknown`: this account cannot find out. It is neither good nor bad. */
export const LEVELS = ['ok', 'warning', 'failure', 'unknown'] as const
export type Level = (typeof LEVELS)[number]

export interface Model {
  readonly name: string
  readonly memoryMb?: number
  readonly count: number
}

/** The message of an error, and its own next step. */
interface Reason {
  readonly reason: string
  readonly hint?: string
}

interface ErrorReason extends Reason {
  readonly error: ErrorCode
}

/** One fact about the machine, by its code. */
export type Finding =
  | { readonly code: 'unfinished'; readonly check: Check; readonly seconds: number }
  | { readonly code: 'unexamined'; readonly check: Check; readonly reason: string }
  // configuration
  | { readonly code: 'configured'; readonly files: readonly string[]; readonly variables: readonly string[] }
  | { readonly code: 'configuration-skipped'; readonly reason: string }
  | ({ readonly code: 'configuration-invalid' } & Reason)
  // driver
  | {
      readonly code: 'gpus-shown'
      readonly provider: ProviderName
      readonly models: readonly Model[]
      readonly version?: string
    }
  | { readonly code: 'gpu-faulty'; readonly gpu: number; readonly reason: string }
  | ({ readonly code: 'driver-failed'; readonly provider: ProviderName } & ErrorReason)
  /** Another interface of the same vendor answers. */
  | ({ readonly code: 'driver-half-failed'; readonly provider: ProviderName } & ErrorReason)
  | { readonly code: 'driver-missing'; readonly module?: string }
  | { readonly code: 'versions-differ'; readonly module: string; readonly library: string }
  | { readonly code: 'gpus-simulated' }
  // devices
  | { readonly code: 'nodes-usable'; readonly nodes: readonly string[] }
  | { readonly code: 'nodes-absent' }
  | { readonly code: 'node-missing'; readonly path: string; readonly areOthers: boolean }
  | { readonly code: 'node-closed'; readonly path: string; readonly group: string }
  // persistence
  | { readonly code: 'persistence-on'; readonly gpus: number }
  | { readonly code: 'persistence-off'; readonly gpus: readonly number[] }
  | { readonly code: 'persistence-unknown'; readonly reason: string }
  | { readonly code: 'persistence-unneeded' }
  // pool
  | {
      readonly code: 'pool-sound'
      readonly path: string
      readonly provider?: ProviderName
      readonly gpus: number
      readonly reservations: number
      readonly waiting: number
      readonly records: number
    }
  | ({ readonly code: 'pool-problem'; readonly path: string } & Problem)
  | ({ readonly code: 'pool-missing' } & Reason)
  | ({ readonly code: 'pool-unreadable' } & ErrorReason)
  | ({ readonly code: 'pool-closed'; readonly provider?: ProviderName } & Reason)
  | { readonly code: 'pool-not-compared'; readonly reason: string }
  // disk
  | { readonly code: 'disk-roomy'; readonly path: string; readonly freeMb: number }
  | { readonly code: 'disk-low'; readonly path: string; readonly freeMb: number; readonly freeFiles: number }
  | { readonly code: 'disk-full'; readonly path: string; readonly freeMb: number; readonly freeFiles: number }
  | { readonly code: 'disk-read-only'; readonly path: string }
  | { readonly code: 'disk-remote'; readonly path: string; readonly filesystem: string }
  | { readonly code: 'disk-unknown'; readonly path: string; readonly reason: string }
  // clock
  | { readonly code: 'clock-plausible'; readonly now: string }
  | { readonly code: 'clock-behind'; readonly now: string; readonly built: string }
  | { readonly code: 'clock-jumped'; readonly seconds: number }
  | { readonly code: 'clock-unknown' }
  // service
  | { readonly code: 'service-unused' }
  | { readonly code: 'service-running'; readonly socket: string; readonly version: string }
  | ({ readonly code: 'service-silent'; readonly socket: string; readonly state: UnitState } & Reason)
  | { readonly code: 'service-other-version'; readonly version: string; readonly own: string }
  | { readonly code: 'service-unversioned' }
  | { readonly code: 'unit-missing' }
  | { readonly code: 'unit-disabled' }
  | { readonly code: 'unit-ignored'; readonly unit: string }
  | { readonly code: 'unit-unknown'; readonly reason: string }
  // board
  | { readonly code: 'board-unused' }
  | { readonly code: 'board-reached'; readonly server: string }
  | { readonly code: 'board-current'; readonly server: string; readonly seconds: number }
  /** This account may not read the URL. */
  | ({ readonly code: 'board-closed' } & Reason)
  /** There is no URL where the configuration says. */
  | ({ readonly code: 'board-misnamed' } & Reason)
  | ({ readonly code: 'board-out'; readonly server: string } & Reason)
  | ({ readonly code: 'board-unwritable'; readonly server: string } & Reason)
  /** What the board has of this host is older than its last change. */
  | { readonly code: 'board-behind'; readonly seconds: number; readonly isServed: boolean }
  | { readonly code: 'board-lacks-host'; readonly host: string; readonly isServed: boolean }
  | { readonly code: 'board-clock'; readonly seconds: number }
  // programs
  | { readonly code: 'program-same'; readonly path: string; readonly version: string }
  | {
      readonly code: 'program-other'
      readonly path: string
      readonly version: string
      readonly own: string
      /** Whether a shell finds it first. */
      readonly isFirst: boolean
    }
  | { readonly code: 'program-unknown'; readonly path: string; readonly reason: string }
  | { readonly code: 'program-uninstalled'; readonly path: string }

/** What systemd says about the unit. */
export type UnitState = 'active' | 'inactive' | 'failed' | 'missing' | 'unknown'

type Kind = readonly [Check, Level]

const KINDS: Readonly<Record<Exclude<Finding['code'], 'unfinished' | 'unexamined'>, Kind>> = {
  configured: ['configuration', 'ok'],
  'configuration-skipped': ['configuration', 'warning'],
  'configuration-invalid': ['configuration', 'failure'],
  'gpus-shown': ['driver', 'ok'],
  'gpu-faulty': ['driver', 'failure'],
  'driver-failed': ['driver', 'failure'],
  'driver-half-failed': ['driver', 'warning'],
  'driver-missing': ['driver', 'failure'],
  'versions-differ': ['driver', 'failure'],
  'gpus-simulated': ['driver', 'ok'],
  'nodes-usable': ['devices', 'ok'],
  'nodes-absent': ['devices', 'failure'],
  'node-missing': ['devices', 'failure'],
  'node-closed': ['devices', 'failure'],
  'persistence-on': ['persistence', 'ok'],
  'persistence-off': ['persistence', 'warning'],
  'persistence-unknown': ['persistence', 'unknown'],
  'persistence-unneeded': ['persistence', 'ok'],
  'pool-sound': ['pool', 'ok'],
  'pool-problem': ['pool', 'failure'],
  'pool-missing': ['pool', 'failure'],
  'pool-unreadable': ['pool', 'failure'],
  'pool-closed': ['pool', 'unknown'],
  'pool-not-compared': ['pool', 'unknown'],
  'disk-roomy': ['disk', 'ok'],
  'disk-low': ['disk', 'warning'],
  'disk-full': ['disk', 'failure'],
  'disk-read-only': ['disk', 'failure'],
  'disk-remote': ['disk', 'failure'],
  'disk-unknown': ['disk', 'unknown'],
  'clock-plausible': ['clock', 'ok'],
  'clock-behind': ['clock', 'failure'],
  'clock-jumped': ['clock', 'warning'],
  'clock-unknown': ['clock', 'unknown'],
  'service-unused': ['service', 'ok'],
  'service-running': ['service', 'ok'],
  'service-silent': ['service', 'failure'],
  'service-other-version': ['service', 'warning'],
  'service-unversioned': ['service', 'unknown'],
  'unit-missing': ['service', 'warning'],
  'unit-disabled': ['service', 'warning'],
  'unit-ignored': ['service', 'warning'],
  'unit-unknown': ['service', 'unknown'],
  'board-unused': ['board', 'ok'],
  'board-reached': ['board', 'ok'],
  'board-current': ['board', 'ok'],
  'board-closed': ['board', 'unknown'],
  'board-misnamed': ['board', 'failure'],
  'board-out': ['board', 'failure'],
  'board-unwritable': ['board', 'failure'],
  'board-behind': ['board', 'warning'],
  'board-lacks-host': ['board', 'warning'],
  'board-clock': ['board', 'warning'],
  'program-same': ['programs', 'ok'],
  'program-other': ['programs', 'warning'],
  'program-unknown': ['programs', 'unknown'],
  'program-uninstalled': ['programs', 'warning'],
}

export function checkOf(finding: Finding): Check {
  return 'check' in finding ? finding.check : KINDS[finding.code][0]
}

/** A check that does not end shows that something hangs, so it is a failure. */
export function levelOf(finding: Finding): Level {
  switch (finding.code) {
    case 'unfinished':
      return 'failure'
    case 'unexamined':
      return 'unknown'
    case 'node-missing':
      return finding.areOthers ? 'warning' : 'failure'
    default:
      return KINDS[finding.code][1]
  }
}

export const isHealthy = (findings: readonly Finding[]): boolean =>
  !findings.some((finding) => levelOf(finding) === 'failure')

/** All findings in the order of the checks. A pool of simulated GPUs needs neither a driver nor its devices. */
export function diagnosis(findings: readonly Finding[]): readonly Finding[] {
  const isSimulated = findings.some((each) => 'provider' in each && each.provider === 'fake')
  const ofDriver: readonly Check[] = ['driver', 'devices', 'persistence']
  // Under WSL, for example, the driver works without these modules and files.
  const isDriverFound = findings.some(({ code }) => code === 'gpus-shown')
  const kept: readonly Finding[] = isSimulated
    ? [{ code: 'gpus-simulated' }, ...findings.filter((each) => !ofDriver.includes(checkOf(each)))]
    : findings.filter(({ code }) => code !== 'nodes-absent' || !isDriverFound)
  return kept.toSorted((a, b) => CHECKS.indexOf(checkOf(a)) - CHECKS.indexOf(checkOf(b)))
}
