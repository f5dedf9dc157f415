import type { ProcessIdentity } from '../../domain/pool/model.ts'
import { hasEnded, type ProcessStat, processStat, processUsers, procIsOurs } from './processes.ts'
import { listNumbers, readText } from './procfs.ts'

/** Processes by pid, each with its start time, parents before children. */
export type Members = ReadonlyMap<number, number>

export interface JobSearch {
  readonly command: Pick<ProcessIdentity, 'pid' | 'startTime'>
  readonly reservation: string
  /** The account of the job; null if it is not known. */
  readonly user: number | null
  /** Processes that belonged to the job before: their parent may have exited since. */
  readonly known: Members
}

/**
 * The living processes of a job, each with its descendants:
 *
 * - the command and the known processes, whatever their users;
 * - the processes of the account that started with the reservation in their environment (daemons that left the tree).
 *   A user can put any reservation into the environment of a set-user-id program, so the environment of such a program
 *   and of its descendants does not count.
 *
 * Never includes this process. Misses processes that start or exit during the search. Empty if `/proc` belongs to
 * another pid namespace, where the pids are those of other processes.
 */
export function jobMembers({ command, reservation, user, known }: JobSearch): Members {
  if (!procIsOurs()) return new Map()
  const living = livingProcesses()
  const isAlive = (pid: number, startTime: number) => living.get(pid)?.startTime === startTime
  const roots = isAlive(command.pid, command.startTime) ? [command.pid] : []
  for (const [pid, startTime] of known) if (isAlive(pid, startTime)) roots.push(pid)
  const variable = `CANHAZGPU_RESERVATION=${reservation}`
  for (const pid of living.keys()) {
    // The environments of other users' processes are not read: each may be megabytes long.
    if (user === null || userOf(pid) !== user) continue
    if (startedWith(pid, variable) && !isBelowSetUserId(pid, living)) roots.push(pid)
  }
  return withDescendants(roots, living)
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

/** The user of a process. Null if its real and effective user differ or the process is hidden. */
export function userOf(pid: number | 'self'): number | null {
  const users = processUsers(pid)
  return users !== null && users.real === users.effective ? users.real : null
}

function isBelowSetUserId(pid: number, living: ReadonlyMap<number, ProcessStat>): boolean {
  for (let each = pid; living.has(each); each = living.get(each)?.parent ?? 0) {
    if (isSetUserId(each)) return true
  }
  return false
}

/** The kernel sets it at the start of a program. It stays when the program switches to another user (getauxval(3)). */
const AT_SECURE = 23n

/** Whether its program started with more rights than the process that started it. */
function isSetUserId(pid: number): boolean {
  const words = Buffer.from(readText(`/proc/${pid}/auxv`) ?? '', 'latin1')
  for (let at = 0; at + 16 <= words.length; at += 16) {
    if (words.readBigUInt64LE(at) === AT_SECURE) return words.readBigUInt64LE(at + 8) !== 0n
  }
  return false
}

/** Relies on two properties of a Map: it keeps insertion order, and an iteration includes entries added during it. */
function withDescendants(roots: readonly number[], living: ReadonlyMap<number, ProcessStat>): Members {
  const children = new Map<number, number[]>()
  for (const [pid, { parent }] of living) {
    const siblings = children.get(parent)
    if (siblings) siblings.push(pid)
    else children.set(parent, [pid])
  }
  const found = new Map<number, number>()
  const add = (pid: number, startTime: number) => pid !== process.pid && found.set(pid, startTime)
  for (const pid of roots) add(pid, living.get(pid)?.startTime ?? 0)
  for (const [parent, since] of found) {
    for (const pid of children.get(parent) ?? []) {
      const startTime = living.get(pid)?.startTime ?? 0
      // A child is never older than its parent. If it seems older, its parent has exited, and this process got the pid
      // of the parent during the search.
      if (startTime >= since && !found.has(pid)) add(pid, startTime)
    }
  }
  return found
}
