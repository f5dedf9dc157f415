import type { Millis } from '../pool/model.ts'
import type { Finding, UnitState } from './finding.ts'

export interface DiskSpace {
  readonly path: string
  readonly freeMb: number
  readonly freeFiles: number
  readonly isReadOnly: boolean
  /** The network file system, if it is one. */
  readonly network: string | null
}

/** A pool has a few megabytes, and its history grows by about 300 bytes for each reservation. */
const LOW_MB = 200
const FULL_MB = 10
const LOW_FILES = 1_000
const FULL_FILES = 20

export function diskFindings({
  path,
  freeMb,
  freeFiles,
  isReadOnly,
  network,
}: DiskSpace): readonly Finding[] {
  const found: Finding[] = []
  if (network !== null) found.push({ code: 'disk-remote', path, filesystem: network })
  if (isReadOnly) found.push({ code: 'disk-read-only', path })
  if (freeMb < FULL_MB || freeFiles < FULL_FILES) {
    found.push({ code: 'disk-full', path, freeMb, freeFiles })
  } else if (freeMb < LOW_MB || freeFiles < LOW_FILES) {
    found.push({ code: 'disk-low', path, freeMb, freeFiles })
  }
  return found.length > 0 ? found : [{ code: 'disk-roomy', path, freeMb }]
}

export interface ClockFacts {
  readonly now: Millis
  readonly built: Millis | undefined
  /** How far the clock was set since the pool was last written; null: not known; undefined: there is no pool. */
  readonly jump: Millis | null | undefined
}

const SMALLEST_JUMP: Millis = 5_000

export function clockFindings({ now, built, jump }: ClockFacts): readonly Finding[] {
  const found: Finding[] = []
  if (built !== undefined && now < built) {
    found.push({ code: 'clock-behind', now: shown(now), built: shown(built) })
  }
  if (jump === null) found.push({ code: 'clock-unknown' })
  else if (jump !== undefined && Math.abs(jump) >= SMALLEST_JUMP) {
    found.push({ code: 'clock-jumped', seconds: Math.round(jump / 1000) })
  }
  return found.length > 0 ? found : [{ code: 'clock-plausible', now: shown(now) }]
}

const shown = (at: Millis): string => new Date(at).toISOString()

export interface ServiceFacts {
  /** The socket in the configuration; absent for an embedded pool. */
  readonly socket?: string
  /** Whether the configuration of the machine names a daemon: a flag or variable then chose another pool. */
  readonly isMachineServed: boolean
  /** The unit that is installed. */
  readonly unit?: string
  /** Null without systemd. */
  readonly manager: {
    readonly state: UnitState
    readonly isEnabled?: boolean
    readonly reason?: string
  } | null
  /** The answer of the daemon; absent for an embedded pool. */
  readonly daemon?: { readonly version?: string } | { readonly reason: string; readonly hint?: string }
  readonly own: string
}

export function serviceFindings(facts: ServiceFacts): readonly Finding[] {
  const { socket, unit, manager, daemon, own, isMachineServed } = facts
  if (socket === undefined || daemon === undefined) {
    const isIgnored = unit !== undefined && !isMachineServed
    return [isIgnored ? { code: 'unit-ignored', unit } : { code: 'service-unused' }]
  }
  const found: Finding[] = []
  if ('reason' in daemon) {
    found.push({ code: 'service-silent', socket, state: manager?.state ?? 'unknown', ...daemon })
  } else if (daemon.version === undefined) found.push({ code: 'service-unversioned' })
  else if (daemon.version !== own) {
    found.push({ code: 'service-other-version', version: daemon.version, own })
  } else found.push({ code: 'service-running', socket, version: daemon.version })
  if (manager === null) return found
  if (unit === undefined) found.push({ code: 'unit-missing' })
  else if (manager.reason !== undefined) found.push({ code: 'unit-unknown', reason: manager.reason })
  else if (manager.isEnabled === false) found.push({ code: 'unit-disabled' })
  return found
}

/** A copy of this program. `version` is the first line of its `--version`. */
export type ProgramCopy = { readonly path: string; readonly isFirst: boolean } & (
  | { readonly version: string }
  | { readonly reason: string }
)

/** `own` is this program. */
export function programFindings(
  copies: readonly ProgramCopy[],
  own: { readonly version: string; readonly path: string },
): readonly Finding[] {
  if (copies.length === 0) return [{ code: 'program-uninstalled', path: own.path }]
  return copies.map((copy): Finding => {
    const { path, isFirst } = copy
    if ('reason' in copy) return { code: 'program-unknown', path, reason: copy.reason }
    const { version } = copy
    return version === own.version
      ? { code: 'program-same', path, version }
      : { code: 'program-other', path, version, own: own.version, isFirst }
  })
}
