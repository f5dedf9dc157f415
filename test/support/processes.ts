import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Processes that were started with this variable in their environment, except this one. */
export function pidsWith(variable: string): number[] {
  return pids().filter((pid) => readOr(`/proc/${pid}/environ`).split('\0').includes(variable))
}

/** Pids of the supervisors of a pool, or of one reservation there. */
export function supervisorsOf(pool: { readonly store: string }, reservation?: string): number[] {
  return pids().filter((pid) => {
    const [, verb, store, id] = readOr(`/proc/${pid}/cmdline`).split('\0')
    return verb === '__supervise' && store === pool.store && (reservation === undefined || id === reservation)
  })
}

/** Pids of the processes that stop jobs of a daemon at their time limits. */
export function stoppersOf({ daemon }: { readonly daemon: () => { readonly pid: number } }): number[] {
  const parent = daemon().pid
  return pids().filter((pid) => {
    const [, verb] = readOr(`/proc/${pid}/cmdline`).split('\0')
    return verb === '__stop' && parentOf(pid) === parent
  })
}

/** Pids of the daemons of a pool. */
export function daemonsOf({ folder }: { readonly folder: string }): number[] {
  return pids().filter((pid) => {
    const [, verb, , socket] = readOr(`/proc/${pid}/cmdline`).split('\0')
    return verb === 'daemon' && socket?.startsWith(`${folder}/`) === true
  })
}

/** Whether a supervisor has started and watches the pool. */
export function isWatching(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(
      (fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === 'anon_inode:inotify',
    )
  } catch {
    return false
  }
}

/** The most files that one inotify descriptor of the process watches (proc_pid_fdinfo(5)). */
export function watchedFiles(pid: number): number {
  try {
    const watches = (fd: string) => readOr(`/proc/${pid}/fdinfo/${fd}`).match(/^inotify wd:/gm)?.length ?? 0
    return Math.max(0, ...readdirSync(`/proc/${pid}/fdinfo`).map(watches))
  } catch {
    return 0
  }
}

/** Whether a process has this file open. */
export function hasOpen(pid: number, file: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === file)
  } catch {
    return false
  }
}

/** Whether a process has ended, or is a zombie that its parent has not reaped. */
export function hasEnded(pid: number): boolean {
  const state = stateOf(pid)
  return state === '' || state === 'Z' || state === 'X'
}

/** The state letter of `/proc/<pid>/stat`: R, S, T, Z …; empty if there is no such process. */
export function stateOf(pid: number): string {
  return fieldOf(pid, 3)
}

export const parentOf = (pid: number): number => Number(fieldOf(pid, 4))
export const sessionOf = (pid: number): number => Number(fieldOf(pid, 6))

/** Sends a signal. Does nothing if there is no such process. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** A field of `/proc/<pid>/stat`, counted from 1 (proc_pid_stat(5)). */
function fieldOf(pid: number, field: number): string {
  const stat = readOr(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[field - 3] ?? ''
}

function pids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
