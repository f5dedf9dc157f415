import { ptr } from 'bun:ffi'
import { O_RDWR } from './descriptors.ts'
import { ECHILD, EINTR } from './errno.ts'
import { c, further, onArm, outcome } from './library.ts'
import { type ByteText, cBytes, cString, pointers } from './memory.ts'
import { waitFor } from './process.ts'

export const RLIMIT_FSIZE = 1
export const RLIMIT_CORE = 4
export const RLIMIT_NOFILE = 7

export const SIGSTOP = 19
export const SIGTSTP = 20

const SIG_SETMASK = 2
const SIGNAL_SET_BYTES = 8

export const newSession = (): number => outcome(c.syscall(onArm ? 157 : 112, 0, 0, 0, 0, 0))

/** The kernel sends this signal when the thread that started this process ends: prctl(2) by number, PR_SET_PDEATHSIG. */
export const setParentDeathSignal = (signal: number): number =>
  outcome(c.syscall(onArm ? 167 : 157, 1, signal, 0, 0, 0))

/**
 * Sets a signal to SIG_IGN or SIG_DFL. Calls rt_sigaction(2) by number, because glibc rejects the two signals that it
 * reserves (32 and 33), which are inherited like the others. Without a handler, all other members of the kernel's
 * structure are zero, so the layout is the same on both architectures.
 */
export function setDisposition(signal: number, disposition: 'default' | 'ignore'): number {
  const action = new BigUint64Array(4)
  action[0] = disposition === 'ignore' ? 1n : 0n
  return outcome(c.syscall(onArm ? 134 : 13, signal, ptr(action), 0, SIGNAL_SET_BYTES, 0))
}

/** Bit n - 1 stands for signal n, as in `/proc/<pid>/status`. */
export function setBlockedSignals(mask: bigint): number {
  const set = new BigUint64Array(1)
  // glibc needs two signals for itself (32 and 33), and never blocks them.
  set[0] = mask & ~(3n << 31n)
  return outcome(c.syscall(onArm ? 135 : 14, SIG_SETMASK, ptr(set), 0, SIGNAL_SET_BYTES, 0))
}

/** `struct rlimit64`: soft, hard. Null for `set` changes nothing, and null for `previous` returns nothing. */
export const resourceLimit = (
  resource: number,
  set: BigUint64Array<ArrayBuffer> | null,
  previous: BigUint64Array<ArrayBuffer> | null,
): number => {
  const address = (limit: BigUint64Array<ArrayBuffer> | null) => (limit === null ? 0 : ptr(limit))
  return outcome(c.syscall(onArm ? 261 : 302, 0, resource, address(set), address(previous), 0))
}

/** Returns only on failure. */
export function execve(
  program: ByteText,
  args: readonly ByteText[],
  environment: readonly ByteText[],
): number {
  const [path, argv, envp] = [cBytes(program), pointers(args), pointers(environment)]
  return outcome(c.syscall(onArm ? 221 : 59, ptr(path), ptr(argv.array), ptr(envp.array), 0, 0))
}

/** Larger than `posix_spawn_file_actions_t` in any C library. */
export const FILE_ACTIONS_BYTES = 256

/**
 * Runs a program with `/dev/null` for its standard streams and waits for its exit. It inherits our signal dispositions
 * and signal mask, and our other descriptors that are not close-on-exec. Returns its wait status: 0 for a clean exit,
 * or for any exit if SIGCHLD is ignored, because the kernel then keeps no status.
 */
export function spawnAndWait(
  program: ByteText,
  args: readonly ByteText[],
  environment: readonly ByteText[],
): number {
  const pid = new Int32Array(1)
  const argv = pointers(args)
  const envp = pointers(environment)
  const actions = new Uint8Array(FILE_ACTIONS_BYTES)
  further.c.posix_spawn_file_actions_init(actions)
  for (const fd of [0, 1, 2]) {
    further.c.posix_spawn_file_actions_addopen(actions, fd, cString('/dev/null'), O_RDWR, 0)
  }
  // posix_spawn(3) returns an errno.
  const failure = further.c.posix_spawn(pid, cBytes(program), actions, null, argv.array, envp.array)
  further.c.posix_spawn_file_actions_destroy(actions)
  if (failure !== 0) return -failure
  const status = new Int32Array(1)
  for (;;) {
    const waited = waitFor(pid[0] ?? -1, status, 0)
    if (waited >= 0 || waited === -ECHILD) return status[0] ?? 0
    if (waited !== -EINTR) return waited
  }
}
