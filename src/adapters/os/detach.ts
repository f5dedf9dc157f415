import { CanhazgpuError } from '../../domain/errors.ts'
import { inheritedEnvironment, toByteText } from './environment.ts'
import * as libc from './libc.ts'

/** Inherited, and the one the runtime leaves without close-on-exec; those from 4 on it marks itself. */
const FIRST_EXTRA_DESCRIPTOR = 3

const SIGHUP = 1
const SIGINT = 2
const SIGQUIT = 3
const SIGTERM = 15

/**
 * Starts a program in the background, with our environment, `/dev/null` for its standard streams and no
 * other descriptor of ours. It is nobody's child here, so a command that we become later does not meet a
 * child it never started: a shell in between starts it, deaf to hang-up from the first moment, and leaves.
 * Throws `failure` where no process could be made; a program that cannot be executed goes unnoticed.
 */
export function startDetached(argv: readonly string[]): void {
  libc.fcntl(FIRST_EXTRA_DESCRIPTOR, libc.F_SETFD, libc.FD_CLOEXEC)
  const script = 'trap "" HUP; "$@" </dev/null >/dev/null 2>&1 &'
  const args = ['sh', '-c', script, 'sh', ...argv.map(toByteText)]
  const status = libc.spawnAndWait('/bin/sh', args, inheritedEnvironment())
  if (status === 0) return
  const reason = status < 0 ? libc.errorText(-status) : `wait status ${status}`
  throw new CanhazgpuError('failure', `cannot start a background process: ${reason}`, {
    hint: 'Check the limit of processes (ulimit -u) and the free memory.',
  })
}

/**
 * Makes this process independent of whoever started it: a session of its own without a terminal, deaf to
 * hang-up and keyboard (SIGHUP, SIGINT, SIGQUIT) but not to SIGTERM, in `/`, umask 022.
 */
export function becomeDaemon(): void {
  libc.newSession()
  for (const signal of [SIGHUP, SIGINT, SIGQUIT]) libc.setDisposition(signal, 'ignore')
  libc.setDisposition(SIGTERM, 'default')
  libc.setBlockedSignals(0n)
  process.chdir('/')
  process.umask(0o022)
}
