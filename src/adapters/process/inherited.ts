import { F_SETFD, fcntl } from '../kernel/libc/descriptors.ts'
import { RLIMIT_NOFILE, resourceLimit, setBlockedSignals, setDisposition } from '../kernel/libc/programs.ts'
import { listNumbers, readLink, readText } from '../kernel/procfs.ts'
import { type Parent, readParent, type SignalMasks, signalMasks } from './parent.ts'

/** The process state at start that the command must get: read directly where possible, inferred otherwise. */
export interface Inherited {
  /** Beyond the standard streams. */
  readonly descriptors: readonly number[]
  readonly ignoredSignals: bigint
  readonly blockedSignals: bigint
  /** Soft RLIMIT_NOFILE. */
  readonly openFiles: bigint
}

const SIGCHLD = 17

const bit = (signal: number): bigint => 1n << BigInt(signal - 1)
const INT = bit(2)
const QUIT = bit(3)
const TERM = bit(15)
const CHLD = bit(SIGCHLD)
const TSTP = bit(20)
const PIPE = bit(13)
const PWR = bit(30)
/** The runtime ignores these at start-up, whatever their disposition was. It overwrites others with handlers. */
const IGNORED_BY_RUNTIME = PIPE | bit(25)

/** Hard limits that usually come with a soft limit of 1024: systemd's default and the kernel's own. */
const USUAL_HARD_LIMITS: readonly bigint[] = [524288n, 4096n]

/**
 * Call this before anything else opens a descriptor, handles a signal or waits (the parent may exit). At start-up the
 * runtime ignores SIGPIPE and SIGXFSZ; catches SIGSEGV and similar signals, SIGPWR, and with a terminal SIGINT and
 * SIGTERM; unblocks SIGPWR; raises the soft RLIMIT_NOFILE; marks descriptors from 4 on close-on-exec; and opens
 * descriptors of its own. `own` is an inherited descriptor that the command must not get.
 */
export function snapshotInherited(own?: number): Inherited {
  const masks = signalMasks('self')
  if (masks === null) throw new Error('/proc/self/status cannot be read: is /proc mounted?')
  const parent = readParent()
  return {
    descriptors: inheritedDescriptors().filter((fd) => fd !== own),
    ignoredSignals: originallyIgnored(masks, parent),
    blockedSignals: originallyBlocked(masks, parent),
    openFiles: originalOpenFiles(parent),
  }
}

/**
 * Restores the inherited state, as close to `execve` as possible: from here on a closed pipe kills this process.
 * Returns a function that undoes it, for the case that `execve` fails.
 */
export function restoreInherited(inherited: Inherited): () => void {
  const before = signalMasks('self') ?? { ignored: IGNORED_BY_RUNTIME, blocked: 0n }
  const { soft } = openFilesLimit()
  for (const fd of inherited.descriptors) fcntl(fd, F_SETFD, 0)
  setOpenFiles(inherited.openFiles)
  setIgnored(before.ignored, inherited.ignoredSignals)
  discardPendingSigchld(inherited)
  setBlockedSignals(inherited.blockedSignals)
  return () => {
    setBlockedSignals(before.blocked)
    setIgnored(inherited.ignoredSignals, before.ignored)
    setOpenFiles(soft)
  }
}

/** If SIGCHLD is blocked, the one for our own children is still pending. Ignoring a signal discards it. */
function discardPendingSigchld({ blockedSignals, ignoredSignals }: Inherited): void {
  if (!(blockedSignals & CHLD) || ignoredSignals & CHLD) return
  setDisposition(SIGCHLD, 'ignore')
  setDisposition(SIGCHLD, 'default')
}

/** An epoll instance and the event descriptor that it watches belong to the runtime. */
function inheritedDescriptors(): number[] {
  const own = new Set<number>()
  const found: number[] = []
  for (const fd of listNumbers('/proc/self/fd')) {
    if (fd < 3) continue
    const target = readLink(`/proc/self/fd/${fd}`)
    if (target === 'anon_inode:[eventpoll]') own.add(watchedBy(fd))
    else if (target !== null) found.push(fd)
  }
  return found.filter((fd) => !own.has(fd))
}

/**
 * From a line like `tfd:        4 events: …` (proc_pid_fdinfo(5)). An event loop that just started watches one
 * descriptor.
 */
function watchedBy(epoll: number): number {
  return Number(/tfd: *(\d+)/.exec(readText(`/proc/self/fdinfo/${epoll}`) ?? '')?.[1] ?? -1)
}

function originallyIgnored(own: SignalMasks, parent: Parent): bigint {
  const overwritten = own.caught | IGNORED_BY_RUNTIME
  const kept = own.ignored & ~overwritten
  if (parent.kind === 'manager') return startedBySystemd() ? kept | PIPE : kept
  if (parent.kind === 'other' || parent.signals === null) return kept
  let ignored = parent.signals.ignored
  // A shell with job control ignores SIGTERM and SIGTSTP only for itself.
  if (ignored & TSTP) ignored &= ~TERM
  // A shell ignores SIGINT and SIGQUIT together for background commands, and SIGQUIT is still visible here.
  if (kept & QUIT) ignored |= INT
  return kept | (ignored & overwritten)
}

/**
 * SIGPWR, which the runtime unblocks, if the parent blocks it and the rest of its mask equals ours. A mask that differs
 * is temporary: dash blocks every signal from vfork(2) until it runs again, possibly after this check.
 */
function originallyBlocked(own: SignalMasks, { kind, signals }: Parent): bigint {
  if (kind !== 'shell' || signals === null) return own.blocked
  const isOurs = (signals.blocked & ~PWR & ~own.blocked) === 0n
  return isOurs ? own.blocked | (signals.blocked & PWR) : own.blocked
}

/** systemd ignores SIGPIPE for a service by default (IgnoreSIGPIPE= in systemd.exec(5)). */
function startedBySystemd(): boolean {
  return process.env.SYSTEMD_EXEC_PID === String(process.pid)
}

/** The runtime raises the soft limit to the hard limit. If they differ, it did not. */
function originalOpenFiles({ kind, openFiles }: Parent): bigint {
  const { soft, hard } = openFilesLimit()
  if (soft !== hard) return soft
  if (kind !== 'manager' && openFiles?.hard === hard) return openFiles.soft
  return USUAL_HARD_LIMITS.includes(hard) ? 1024n : hard
}

function openFilesLimit(): { soft: bigint; hard: bigint } {
  const limit = new BigUint64Array(2)
  resourceLimit(RLIMIT_NOFILE, null, limit)
  const [soft = 0n, hard = 0n] = limit
  return { soft, hard }
}

/** Sets the soft limit of open files. */
export function setOpenFiles(soft: bigint): void {
  const limit = openFilesLimit()
  if (limit.soft !== soft) resourceLimit(RLIMIT_NOFILE, new BigUint64Array([soft, limit.hard]), null)
}

/** Only ignored signals are set, because `execve` itself removes handlers. */
function setIgnored(now: bigint, wanted: bigint): void {
  let signal = 1
  for (let differing = now ^ wanted; differing !== 0n; differing >>= 1n) {
    if (differing & 1n) setDisposition(signal, wanted & bit(signal) ? 'ignore' : 'default')
    signal++
  }
}
