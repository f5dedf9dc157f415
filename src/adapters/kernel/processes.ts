import { UNREAD } from '../../domain/pool/clock.ts'
import type { Liveness, ProcessIdentity } from '../../domain/pool/model.ts'
import {
  bootId,
  FIRST_PID_NAMESPACE,
  isInFirstPidNamespace,
  isPlainPidNamespace,
  pidNamespace,
} from './boot.ts'
import { currentMoment } from './clock.ts'
import { ESRCH, kill } from './libc.ts'
import { listNumbers, readLink, readText } from './procfs.ts'

/** What `/proc/<pid>/stat` tells (proc_pid_stat(5)). */
export interface ProcessStat {
  /** One letter: R, S, D, T, Z, X … */
  readonly state: string
  readonly parent: number
  readonly processGroup: number
  /** The pid of its leader. */
  readonly session: number
  /** The device of the controlling terminal; 0 without one. */
  readonly terminal: number
  readonly threads: number
  /** Clock ticks after boot. */
  readonly startTime: number
}

/** Ours. It stays true through `execve`, so it is the identity of the command we become. */
export function currentProcess(): ProcessIdentity {
  const startTime = processStat('self')?.startTime ?? UNREAD_START
  return { pid: process.pid, startTime, bootId: bootId(), pidNamespace: pidNamespace() }
}

/** No process that could run this program starts within 10 ms of the kernel. */
const UNREAD_START = 0

/**
 * Whether that very process still runs; never mistakes a later one with its pid for it. A process that
 * only waits to be reaped is gone; a dead main thread with living others is not. `unknown` where its pid counts
 * in a pid namespace that we cannot see into, or where a part of its identity or of ours could not be read.
 *
 * A process that is seen lives, whatever its boot id. One that is not seen is gone only if it ran in this boot: a
 * container may have a boot id of its own, and a service may hide it.
 */
export function liveness(identity: ProcessIdentity): Liveness {
  const isOfThisBoot = identity.bootId !== UNREAD && identity.bootId === bootId()
  switch (sightOf(identity)) {
    case 'seen':
      return 'alive'
    case 'not seen':
      return isOfThisBoot ? 'gone' : 'unknown'
    case 'hidden':
      return isOfThisBoot && identity.startTime !== UNREAD_START ? 'alive' : 'unknown'
    case 'out of sight':
      return 'unknown'
  }
}

/** `hidden`: a process has this pid, and only kill(2) tells so. `out of sight`: its pid means nothing here. */
type Sight = 'seen' | 'not seen' | 'hidden' | 'out of sight'

function sightOf(identity: ProcessIdentity): Sight {
  if (identity.pidNamespace === UNREAD || pidNamespace() === UNREAD) return 'out of sight'
  return identity.pidNamespace === pidNamespace() ? sightHere(identity) : sightBelow(identity)
}

/** For a process of our own pid namespace and boot, such as the command that a supervisor watches. */
export function sightHere({ pid, startTime }: Pick<ProcessIdentity, 'pid' | 'startTime'>): Sight {
  if (!exists(pid)) return 'not seen'
  const stat = procIsOurs() ? processStat(pid) : null
  // Either it went this instant, or `hidepid` keeps it from us: only kill(2) can tell.
  if (stat === null || startTime === UNREAD_START) return exists(pid) ? 'hidden' : 'not seen'
  return stat.startTime === startTime && !hasEnded(stat) ? 'seen' : 'not seen'
}

/**
 * From the first pid namespace the processes of all others can be seen, each with its pid there as the last
 * number of NSpid (proc_pid_status(5)), so that a container that went takes its reservations along. Nothing can be
 * seen from anywhere else, across time namespaces, and where any process is hidden from us.
 */
function sightBelow(identity: ProcessIdentity): Sight {
  const comparable =
    pidNamespace() === FIRST_PID_NAMESPACE &&
    isPlainPidNamespace(identity.pidNamespace) &&
    identity.startTime !== UNREAD_START
  const pids = comparable && procIsOurs() ? listNumbers('/proc') : []
  // Where `hidepid` is in force, the first process is not listed.
  if (!pids.includes(1)) return 'out of sight'
  for (const pid of pids) {
    const innermost = innermostPid(readText(`/proc/${pid}/status`) ?? '')
    if (innermost !== null && innermost !== identity.pid) continue
    const stat = innermost === null ? null : processStat(pid)
    if (stat === null && exists(pid)) return 'out of sight'
    if (stat?.startTime === identity.startTime && !hasEnded(stat)) return 'seen'
  }
  return 'not seen'
}

/** The pid in the process's own namespace, from its `/proc/<pid>/status`; null where that does not tell. */
export function innermostPid(status: string): number | null {
  const pid = /^NSpid:(?:\t\d+)*\t(\d+)$/m.exec(status)?.[1]
  return pid === undefined ? null : Number(pid)
}

/**
 * Whether a signal has stopped that very process. One that a debugger holds (`t`) is not meant: `strace` holds a
 * process for a moment at every system call. Processes of other pid namespaces and hidden ones are not looked for.
 */
export function isStopped({ pid, startTime, pidNamespace: namespace }: ProcessIdentity): boolean {
  if (namespace === UNREAD || namespace !== pidNamespace() || !procIsOurs()) return false
  const stat = processStat(pid)
  return stat?.state === 'T' && stat.startTime === startTime
}

/** How long an answer may serve again: a decision is made twice, before and under the lock. */
const SAME_DECISION_MS = 20

/** `liveness`, asked once of each process within one decision. */
export const livenessInDecision = () => askedOnceInDecision(liveness)

/** `isStopped`, asked once of each process within one decision. */
export const stoppedInDecision = () => askedOnceInDecision(isStopped)

function askedOnceInDecision<Answer>(
  ask: (identity: ProcessIdentity) => Answer,
): (identity: ProcessIdentity) => Answer {
  const answers = new Map<number, { identity: ProcessIdentity; answer: Answer; at: number }>()
  return (identity) => {
    const now = currentMoment().steady.ms
    const known = answers.get(identity.pid)
    if (known !== undefined && now - known.at < SAME_DECISION_MS && isSame(known.identity, identity)) {
      return known.answer
    }
    const answer = ask(identity)
    answers.set(identity.pid, { identity, answer, at: now })
    return answer
  }
}

const isSame = (a: ProcessIdentity, b: ProcessIdentity): boolean =>
  a.startTime === b.startTime && a.bootId === b.bootId && a.pidNamespace === b.pidNamespace

/** From the third to the 23rd; one that is followed by another was not cut off. */
const STAT_FIELDS = 21

/** Null where the process is gone or hidden. */
export function processStat(pid: number | 'self'): ProcessStat | null {
  const line = readText(`/proc/${pid}/stat`)
  return line === null ? null : parseStat(line)
}

/**
 * The name in parentheses is the program's choice and may itself hold spaces and parentheses. Null for a line
 * that does not tell all: half of one proves nothing about a process.
 */
export function parseStat(line: string): ProcessStat | null {
  const nameEnd = line.lastIndexOf(')')
  if (nameEnd < 0) return null
  const [state = '', ...numbers] = line.slice(nameEnd + 2).split(' ', STAT_FIELDS)
  const isWhole = numbers.length === STAT_FIELDS - 1 && numbers.every((each) => /^-?\d{1,20}$/.test(each))
  if (!isWhole) return null
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
 * A process of a new pid namespace may still look at the old one's `/proc`, where pids mean others. There it has a
 * pid for each namespace in between (NSpid), the first of which may by chance be the one it has here.
 */
export function procIsOurs(): boolean {
  procIsOursRead ??= readProcIsOurs()
  return procIsOursRead
}

function readProcIsOurs(): boolean {
  const pids = /^NSpid:\t(.*)$/m.exec(readText('/proc/self/status') ?? '')?.[1]
  // Kernels before 4.1 do not tell.
  return (pids ?? readLink('/proc/self')) === String(process.pid)
}

/** Drivers name pids of the first pid namespace; only there `/proc` tells whose they are. */
export const seesProcessOwners = (): boolean => isInFirstPidNamespace() && procIsOurs()

let procIsOursRead: boolean | undefined

/** Z and X are said of the main thread alone; the others are counted. */
export function hasEnded(stat: ProcessStat): boolean {
  return (stat.state === 'Z' || stat.state === 'X') && stat.threads <= 1
}

/** EPERM is an answer from a living process too. */
function exists(pid: number): boolean {
  return kill(pid, 0) !== -ESRCH
}
