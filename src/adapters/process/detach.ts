import { CanhazgpuError } from '../../domain/errors.ts'
import type { Variables } from '../../domain/observation/device-variables.ts'
import { close, F_DUPFD_CLOEXEC, F_SETFD, FD_CLOEXEC, fcntl } from '../kernel/libc/descriptors.ts'
import { EACCES, ENOENT, ENOEXEC } from '../kernel/libc/errno.ts'
import { errorText } from '../kernel/libc/library.ts'
import { newSession, setBlockedSignals, setDisposition, spawnAndWait } from '../kernel/libc/programs.ts'
import { inheritedEnvironment, toByteText, withVariables } from './environment.ts'

/**
 * The only descriptor beyond the standard streams that may lack close-on-exec. The runtime sets it for those from 4 on.
 */
const FIRST_EXTRA_DESCRIPTOR = 3

const SIGHUP = 1
const SIGINT = 2
const SIGQUIT = 3
const SIGTERM = 15

/**
 * Starts a program in the background, with our environment but for `variables`, and `/dev/null` for its standard streams.
 * It also gets the descriptors in `passed`, under the same numbers; they are closed here afterwards. A short-lived shell starts it and
 * exits, so it is reparented, and a command that we exec later never gets an unknown child. The shell ignores SIGHUP,
 * so the program ignores it from the start. Throws `failure` if no process can be created, but not if the program
 * cannot be executed.
 */
export function startDetached(
  argv: readonly string[],
  passed: readonly number[] = [],
  variables: Variables = {},
): void {
  fcntl(FIRST_EXTRA_DESCRIPTOR, F_SETFD, FD_CLOEXEC)
  for (const fd of passed) fcntl(fd, F_SETFD, 0)
  const args = ['sh', '-c', 'trap "" HUP; "$@" &', 'sh', ...argv.map(toByteText)]
  const status = spawnAndWait(SHELL, args, withVariables(inheritedEnvironment(), variables))
  for (const fd of passed) close(fd)
  if (status === 0) return
  throw notStarted(status)
}

const SHELL = '/bin/sh'

function notStarted(status: number): CanhazgpuError {
  const reason = status < 0 ? errorText(-status) : `${SHELL} could not start it (wait status ${status})`
  if ([-ENOENT, -EACCES, -ENOEXEC].includes(status)) {
    return new CanhazgpuError('failure', `cannot start a background process: ${SHELL}: ${reason}`, {
      hint: `canhazgpu starts its supervisor with ${SHELL}: install a shell there`,
    })
  }
  return new CanhazgpuError('failure', `cannot start a background process: ${reason}`, {
    hint: "check the limit of processes ('ulimit -u', TasksMax= of the service) and the free memory",
  })
}

/**
 * A descriptor of the same file with a number that `startDetached` can pass. If the given descriptor has another number,
 * it is copied and closed. Null if it is negative (an error) or cannot be copied.
 */
export function inheritable(fd: number): number | null {
  if (fd < 0) return null
  if (fd > FIRST_EXTRA_DESCRIPTOR) return fd
  const copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_EXTRA_DESCRIPTOR + 1)
  close(fd)
  return copy < 0 ? null : copy
}

/**
 * Makes this process independent of its starter: its own session without a terminal, in `/`, umask 022, ignoring
 * SIGHUP, SIGINT and SIGQUIT but not SIGTERM.
 */
export function becomeDaemon(): void {
  newSession()
  for (const signal of [SIGHUP, SIGINT, SIGQUIT]) setDisposition(signal, 'ignore')
  setDisposition(SIGTERM, 'default')
  setBlockedSignals(0n)
  process.chdir('/')
  process.umask(0o022)
}
