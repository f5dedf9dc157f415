import { UNREAD } from '../../domain/pool/clock.ts'
import type { Liveness, ProcessIdentity } from '../../domain/pool/model.ts'
import type { ProcessCheck } from '../../domain/pool/process-check.ts'
import {
  bootId,
  FIRST_PID_NAMESPACE,
  isInFirstPidNamespace,
  isPlainPidNamespace,
  pidNamespace,
} from './boot.ts'
import { steadyNow } from './clock.ts'
import { ESRCH } from './libc/errno.ts'
import { kill } from './libc/process.ts'
import { listNumbers, readLink, readText } from './procfs.ts'

/** The fields of `/proc/<pid>/stat` (proc_pid_stat(5)). */
export interface ProcessStat {
  /** One letter: R, S, D, T, Z, X … */
  readonly state: string
  readonly parent: number
  readonly processGroup: number
  /** The pid of the session leader. */
  readonly session: number
  /** The device of the controlling terminal; 0 without one. */
  readonly terminal: number
  readonly threads: number
  /** Clock ticks after boot. */
  readonly startTime: number
}

/** The identity of this process. `execve` keeps it, so it also identifies the command that this process becomes. */
export function currentProcess(): ProcessIdentity {
  const startTime = processStat('self')?.startTime ?? UNREAD_START
  return { pid: process.pid, startTime, bootId: bootId(), pidNamespace: pidNamespace() }
}

/** This process by its pid alone. */
export const unidentifiedProcess = (): ProcessIdentity => ({
  pid: process.pid,
  startTime: UNREAD_START,
  bootId: UNREAD,
  pidNamespace: UNREAD,
})

/** The start time of a process whose start time cannot be read. No process of this program starts 0 ticks after boot. */
const UNREAD_START = 0

/**
 * Whether this process still runs. A later process with the same pid is never mistaken for it. A zombie counts as gone.
 * A process whose main thread has exited counts as alive while its other threads run. `unknown` if its pid belongs to a
 * pid namespace that is not visible from here, or if part of its identity or of ours could not be read.
 *
 * A visible process is alive, whatever its boot id. A process that is not visible is gone only if it ran in this boot:
 * a container may have its own boot id, and a service may hide the boot id.
 */
export function liveness(identity: ProcessIdentity, readStat = statReader(identity)): Liveness {
  const isOfThisBoot = identity.bootId !== UNREAD && identity.bootId === bootId()
  switch (visibilityOf(identity, readStat)) {
    case 'visible':
      return 'alive'
    case 'absent':
      return isOfThisBoot ? 'gone' : 'unknown'
    case 'hidden':
      return isOfThisBoot && identity.startTime !== UNREAD_START ? 'alive' : 'unknown'
    case 'unreachable':
      return 'unknown'
  }
}

/**
 * `hidden`: a process has this pid, but only kill(2) detects it. `unreachable`: its pid has no meaning in this
 * namespace.
 */
type Visibility = 'visible' | 'absent' | 'hidden' | 'unreachable'

function visibilityOf(identity: ProcessIdentity, readStat: ReadStat): Visibility {
  if (identity.pidNamespace === UNREAD || pidNamespace() === UNREAD) return 'unreachable'
  return identity.pidNamespace === pidNamespace()
    ? visibilityHere(identity, readStat)
    : visibilityBelow(identity)
}

/** Reads the status of one process. */
type ReadStat = () => ProcessStat | null

const statReader =
  ({ pid }: Pick<ProcessIdentity, 'pid'>): ReadStat =>
  () =>
    processStat(pid)

/** For a process of our own pid namespace and boot, such as the command that a supervisor watches. */
export function visibilityHere(
  identity: Pick<ProcessIdentity, 'pid' | 'startTime'>,
  readStat = statReader(identity),
): Visibility {
  const { pid, startTime } = identity
  if (!exists(pid)) return 'absent'
  const stat = procIsOurs() ? readStat() : null
  // Either it just exited, or `hidepid` hides it from us. kill(2) distinguishes the two.
  if (stat === null || startTime === UNREAD_START) return exists(pid) ? 'hidden' : 'absent'
  return stat.startTime === startTime && !hasEnded(stat) ? 'visible' : 'absent'
}

/**
 * For a process of another pid namespace. The processes of all namespaces are visible from the first pid namespace; the
 * last number of NSpid (proc_pid_status(5)) is the pid in their own. So a container that exits releases its
 * reservations. They are not visible from any other namespace, across time namespaces, or if a process is hidden from
 * us.
 */
function visibilityBelow(identity: ProcessIdentity): Visibility {
  const comparable =
    pidNamespace() === FIRST_PID_NAMESPACE &&
    isPlainPidNamespace(identity.pidNamespace) &&
    identity.startTime !== UNREAD_START
  const pids = comparable && procIsOurs() ? listNumbers('/proc') : []
  // If `hidepid` is in force, the first process is not listed.
  if (!pids.includes(1)) return 'unreachable'
  for (const pid of pids) {
    const innermost = innermostPid(readText(`/proc/${pid}/status`) ?? '')
    if (innermost !== null && innermost !== identity.pid) continue
    const stat = innermost === null ? null : processStat(pid)
    if (stat === null && exists(pid)) return 'unreachable'
    if (stat?.startTime === identity.startTime && !hasEnded(stat)) return 'visible'
  }
  return 'absent'
}

/** The pid in the process's own namespace, from its `/proc/<pid>/status`; null if the file lacks it. */
export function innermostPid(status: string): number | null {
  const pid = /^NSpid:(?:\t\d+)*\t(\d+)$/m.exec(status)?.[1]
  return pid === undefined ? null : Number(pid)
}

/**
 * Whether a signal has stopped this process. A tracing stop (`t`) does not count: `strace` stops a process briefly
 * at every system call. Processes of other pid namespaces and hidden ones are not checked.
 */
function isStopped({ startTime, pidNamespace: namespace }: ProcessIdentity, readStat: ReadStat): boolean {
  if (namespace === UNREAD || namespace !== pidNamespace() || !procIsOurs()) return false
  const stat = readStat()
  return stat?.state === 'T' && stat.startTime === startTime
}

/** How long an answer is reused: every decision is made twice, before and under the lock. */
const SAME_DECISION_MS = 20

/** `liveness` and `isStopped`. Both read the status of a process once within one decision. */
export function checksInDecision(): ProcessCheck {
  const stat = cachedInDecision(({ pid }) => processStat(pid))
  return {
    alive: cachedInDecision((identity) => liveness(identity, () => stat(identity))),
    stopped: cachedInDecision((identity) => isStopped(identity, () => stat(identity))),
  }
}

function cachedInDecision<Answer>(
  check: (identity: ProcessIdentity) => Answer,
): (identity: ProcessIdentity) => Answer {
  const answers = new Map<number, { identity: ProcessIdentity; answer: Answer; at: number }>()
  return (identity) => {
    const now = steadyNow()
    const known = answers.get(identity.pid)
    if (known !== undefined && now - known.at < SAME_DECISION_MS && isSame(known.identity, identity)) {
      return known.answer
    }
    const answer = check(identity)
    answers.set(identity.pid, { identity, answer, at: now })
    return answer
  }
}

const isSame = (a: ProcessIdentity, b: ProcessIdentity): boolean =>
  a.startTime === b.startTime && a.bootId === b.bootId && a.pidNamespace === b.pidNamespace

/** Fields 3 to 23. Field 22 is the last one in use: it is complete if field 23 follows it. */
const STAT_FIELDS = /^\S*(?: -?\d{1,20}){20}(?= |\n|$)/

/** Null if the process is gone or hidden. */
export function processStat(pid: number | 'self'): ProcessStat | null {
  const line = readText(`/proc/${pid}/stat`)
  return line === null ? null : parseStat(line)
}

/**
 * The program chooses the name in parentheses, which may contain spaces and parentheses. Null for an incomplete line,
 * which proves nothing about a process.
 */
export function parseStat(line: string): ProcessStat | null {
  const nameEnd = line.lastIndexOf(')')
  if (nameEnd < 0) return null
  const fields = line.slice(nameEnd + 2)
  if (!STAT_FIELDS.test(fields)) return null
  const [state = '', ...numbers] = fields.split(' ', 20)
  const field = (number: number): number => Number(numbers[number - 4])
  return {
    state,
    parent: field(4),
    processGroup: field(5),
    session: field(6),
    terminal: field(7),
    threads: field(20),
    startTime: field(22),
  }
}

/**
 * Whether `/proc` belongs to our pid namespace. After `unshare --pid` it may still belong to the outer one, where our
 * pids are those of other processes. NSpid then has a pid for each namespace, and the first of them may by chance equal
 * our pid here.
 */
export function procIsOurs(): boolean {
  procIsOursRead ??= readProcIsOurs()
  return procIsOursRead
}

function readProcIsOurs(): boolean {
  const pids = /^NSpid:\t(.*)$/m.exec(readText('/proc/self/status') ?? '')?.[1]
  // Kernels before 4.1 lack this field.
  return (pids ?? readLink('/proc/self')) === String(process.pid)
}

/** Drivers report pids of the first pid namespace. `/proc` shows the owners of these pids only there. */
export const canReadProcessOwners = (): boolean => isInFirstPidNamespace() && procIsOurs()

let procIsOursRead: boolean | undefined

/** The states Z and X concern only the main thread, so other threads may still run. */
export function hasEnded(stat: ProcessStat): boolean {
  return (stat.state === 'Z' || stat.state === 'X') && stat.threads <= 1
}

/** EPERM also means that the process is alive. */
function exists(pid: number): boolean {
  return kill(pid, 0) !== -ESRCH
}

/** The real and the effective user of a process (proc_pid_status(5)). Null if it is hidden or gone. */
export function processUsers(
  pid: number | 'self',
): { readonly real: number; readonly effective: number } | null {
  const [, real, effective] = /^Uid:\t(\d+)\t(\d+)\t/m.exec(readText(`/proc/${pid}/status`) ?? '') ?? []
  return real === undefined ? null : { real: Number(real), effective: Number(effective) }
}
