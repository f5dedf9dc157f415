import { CString } from 'bun:ffi'
import { c, further, onArm, outcome } from './library.ts'
import { addressOf } from './memory.ts'

const WNOHANG = 1
const AT_EXECFN = 31

/** The path from which this program was executed, links included (getauxval(3)); null if there is none. */
export function executedPath(): string | null {
  const path = further.c.getauxval(AT_EXECFN)
  return path === null ? null : String(new CString(path))
}

export const parentPid = (): number => outcome(c.syscall(onArm ? 173 : 110, 0, 0, 0, 0, 0))
export const kill = (pid: number, signal: number): number =>
  outcome(c.syscall(onArm ? 129 : 62, pid, signal, 0, 0, 0))

/** wait4(2) by number. Returns the pid, or 0 if the child still runs and `flags` says not to wait. */
export const waitFor = (pid: number, status: Int32Array<ArrayBuffer>, flags: number): number =>
  outcome(c.syscall(onArm ? 260 : 61, pid, addressOf(status), flags, 0, 0))

/** The wait status of a child that has ended; null if it still runs. */
export function reap(pid: number): { readonly status: number } | null {
  const status = new Int32Array(1)
  return waitFor(pid, status, WNOHANG) === pid ? { status: status[0] ?? 0 } : null
}

/** pidfd_open(2); number 434 on every architecture. */
export const pidfdOpen = (pid: number): number => outcome(c.syscall(434, pid, 0, 0, 0, 0))

/** pidfd_send_signal(2); number 424 on every architecture. Signal 0 only checks. */
export const pidfdSendSignal = (pidfd: number, signal: number): number =>
  outcome(c.syscall(424, pidfd, signal, 0, 0, 0))

/**
 * Exits at once, without the exit code of the runtime. The runtime would first checkpoint every open database, with
 * several syncs, even while other processes have it open and wait for a lock.
 */
export function exitNow(status: number): void {
  c._exit(status)
}

/** pidfd_getfd(2); number 438 on every architecture. A copy of a descriptor of that process. */
export const pidfdGetDescriptor = (pidfd: number, fd: number): number =>
  outcome(c.syscall(438, pidfd, fd, 0, 0, 0))
