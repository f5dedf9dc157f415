import { parentPid } from '../kernel/libc/process.ts'
import { readLink, readText } from '../kernel/procfs.ts'

/**
 * Infers from our parent the state this process started with, which the runtime has overwritten.
 *
 * - shell: its children ignore the signals that it ignores, except the signals that it ignores only for itself.
 * - manager: systemd, whose own state is not that of its services.
 * - other: most runtimes (Python, Node, Rust, sshd, tmux) ignore SIGPIPE for themselves and restore the default for
 *   their children, so only their limits count, not their signals.
 */
export type ParentKind = 'shell' | 'manager' | 'other'

export interface Parent {
  readonly kind: ParentKind
  readonly signals: SignalMasks | null
  readonly openFiles: { readonly soft: bigint; readonly hard: bigint } | null
}

/** Bit n - 1 stands for signal n. */
export interface SignalMasks {
  readonly blocked: bigint
  readonly ignored: bigint
  readonly caught: bigint
}

/** Shells, and programs that start another program without changing its signals. */
const SHELLS = [
  'sh',
  'dash',
  'bash',
  'ash',
  'busybox',
  'zsh',
  'zsh5',
  'ksh',
  'ksh93',
  'mksh',
  'yash',
  'timeout',
  'time',
  'xargs',
  'make',
  'flock',
  'unshare',
  'strace',
]

export function readParent(): Parent {
  const pid = parentPid()
  return { kind: kindOf(pid), signals: signalMasks(pid), openFiles: openFilesLimit(pid) }
}

const MASKS = /\nSigBlk:\t([\da-f]{16})\nSigIgn:\t([\da-f]{16})\nSigCgt:\t([\da-f]{16})\n/

/** Null if the process is gone or hidden. */
export function signalMasks(pid: number | 'self'): SignalMasks | null {
  return parseSignalMasks(readText(`/proc/${pid}/status`) ?? '')
}

/** From `/proc/<pid>/status`, which lists them in one block; null without it. */
export function parseSignalMasks(status: string): SignalMasks | null {
  const masks = MASKS.exec(status)
  if (masks === null) return null
  return {
    blocked: BigInt(`0x${masks[1]}`),
    ignored: BigInt(`0x${masks[2]}`),
    caught: BigInt(`0x${masks[3]}`),
  }
}

/**
 * By the executable, because the name of a process that runs a script is that of the script. The executable of another
 * user's process is hidden from us; then its name decides.
 */
function kindOf(pid: number): ParentKind {
  const path = readLink(`/proc/${pid}/exe`) ?? readText(`/proc/${pid}/comm`)?.trim() ?? ''
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (SHELLS.includes(name.replace(' (deleted)', ''))) return 'shell'
  return name === 'systemd' ? 'manager' : 'other'
}

function openFilesLimit(pid: number): Parent['openFiles'] {
  return parseOpenFiles(readText(`/proc/${pid}/limits`) ?? '')
}

/** From `/proc/<pid>/limits`. */
export function parseOpenFiles(limits: string): Parent['openFiles'] {
  const limit = /^Max open files +(\d+) +(\d+) /m.exec(limits)
  return limit === null ? null : { soft: BigInt(limit[1] ?? 0), hard: BigInt(limit[2] ?? 0) }
}
