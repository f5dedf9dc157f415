import { printable } from '../../domain/text/text.ts'
import * as libc from '../kernel/libc.ts'
import { handable } from './detach.ts'
import { isWritable } from './terminal.ts'

/**
 * How a supervisor reaches the standard error that `run` was started with, long after the command has taken over
 * the process. The launcher hands it a descriptor: what `/proc/<pid>/fd/2` leads to is the choice of the
 * process that has this pid by then.
 */

const STDERR = 2

/**
 * For `startDetached`; null if messages cannot be sent. It only names the file wherever that suffices: an open
 * pipe would keep its reader waiting, an open terminal its window. Under `su -` the terminal belongs to another
 * account and cannot be opened again, so there it is a copy of our own descriptor.
 */
export function messageDescriptor(): number | null {
  const name = libc.open(`/proc/self/fd/${STDERR}`, libc.O_PATH)
  if (name < 0) return null
  if (libc.access(`/proc/self/fd/${name}`, libc.W_OK) === 0) return handable(name)
  libc.close(name)
  return libc.isTerminal(STDERR) ? handable(libc.fcntl(STDERR, libc.F_DUPFD_CLOEXEC, 0)) : null
}

/**
 * Writes one line to a descriptor made by `messageDescriptor`. Best effort and never blocking: false if the
 * file cannot be opened, or nobody takes the line.
 */
export function sayOn(descriptor: number, line: string): boolean {
  const flags = libc.O_WRONLY | libc.O_APPEND | libc.O_NONBLOCK | libc.O_NOCTTY
  const opened = libc.open(`/proc/self/fd/${descriptor}`, flags)
  const fd = opened < 0 ? descriptor : opened
  const bytes = new Uint8Array(Buffer.from(`${printable(line)}\n`))
  const written = isWritable(fd, 0) ? libc.write(fd, bytes) : 0
  if (opened >= 0) libc.close(opened)
  return written === bytes.length
}
