import type { ProcessIdentity } from '../../domain/pool/model.ts'
import { hasEnded, type ProcessStat, processStat, procIsOurs } from './processes.ts'
import { listNumbers, readText } from './procfs.ts'

/** Processes by pid, each with its start time, parents before children. */
export type Members = ReadonlyMap<number, number>

export interface JobSearch {
  readonly command: Pick<ProcessIdentity, 'pid' | 'startTime'>
  readonly reservation: string
  /** Processes that belonged to the job before: their parent may have exited since. */
  readonly known: Members
}

/**
 * The living processes of a job: the command and the known processes with their descendants, of any user; and the
 * processes of our own user that started with the reservation in their environment (daemons that left the tree), with
 * their descendants. A user can put any reservation into the environment of a set-user-id program, so the environment
 * of such a program and of its descendants does not count. Never includes this process. Misses processes that start or
 * exit during the search. Empty if `/proc` is of another pid namespace, where pids mean other processes.
 */
export function jobMembers({ command, reservation, known }: JobSearch): Members {
  if (!procIsOurs()) return new Map()
  const living = livingProcesses()
  const is = (pid: number, startTime: number) => living.get(pid)?.startTime === startTime
  const starts = is(command.pid, command.startTime) ? [command.pid] : []
  for (const [pid, startTime] of known) if (is(pid, startTime)) starts.push(pid)
  const mark = `CANHAZGPU_RESERVATION=${reservation}`
  const ours = usersOf('self')
  for (const pid of living.keys()) {
    // The environments of other users' processes are not read: each may be megabytes long.
    if (ours === null || usersOf(pid) !== ours) continue
    if (startedWith(pid, mark) && !isBelowSetUserId(pid, living)) starts.push(pid)
  }
  return reachable(starts, living)
}

function livingProcesses(): ReadonlyMap<number, ProcessStat> {
  const living = new Map<number, ProcessStat>()
  for (const pid of listNumbers('/proc')) {
    const stat = processStat(pid)
    if (stat !== null && !hasEnded(stat)) living.set(pid, stat)
  }
  return living
}

function startedWith(pid: number, variable: string): boolean {
  return readText(`/proc/${pid}/environ`)?.split('\0').includes(variable) ?? false
}

/** Real and effective user (proc_pid_status(5)) if both are the same; null otherwise, and if hidden. */
function usersOf(pid: number | 'self'): string | null {
  const [, real, effective] = /^Uid:\t(\d+)\t(\d+)\t/m.exec(readText(`/proc/${pid}/status`) ?? '') ?? []
  return real !== undefined && real === effective ? real : null
}

function isBelowSetUserId(pid: number, living: ReadonlyMap<number, ProcessStat>): boolean {
  for (let each = pid; living.has(each); each = living.get(each)?.parent ?? 0) {
    if (isSetUserId(each)) return true
  }
  return false
}

/** The kernel sets this whatever users the program switches to later (AT_SECURE in getauxval(3)). */
const AT_SECURE = 23n

/** Whether its program started with more rights than the process that started it. */
function isSetUserId(pid: number): boolean {
  const words = Buffer.from(readText(`/proc/${pid}/auxv`) ?? '', 'latin1')
  for (let at = 0; at + 16 <= words.length; at += 16) {
    if (words.readBigUInt64LE(at) === AT_SECURE) return words.readBigUInt64LE(at + 8) !== 0n
  }
  return false
}

/** A Map keeps insertion order, and iteration includes entries added during it. */
function reachable(starts: readonly number[], living: ReadonlyMap<number, ProcessStat>): Members {
  const children = new Map<number, number[]>()
  for (const [pid, { parent }] of living) {
    const siblings = children.get(parent)
    if (siblings) siblings.push(pid)
    else children.set(parent, [pid])
  }
  const found = new Map<number, number>()
  const add = (pid: number, startTime: number) => pid !== process.pid && found.set(pid, startTime)
  for (const pid of starts) add(pid, living.get(pid)?.startTime ?? 0)
  for (const [parent, since] of found) {
    for (const pid of children.get(parent) ?? []) {
      const startTime = living.get(pid)?.startTime ?? 0
      // No child is older than its parent: this parent got the pid of the real one during the search.
      if (startTime >= since && !found.has(pid)) add(pid, startTime)
    }
  }
  return found
}
