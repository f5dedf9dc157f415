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
 * For `startDetached`; null if messages cannot be sent. It only names a pipe or a terminal: an open pipe would keep its
 * reader waiting, an open terminal its window. Under `su -` the terminal belongs to another account and cannot be
 * opened again, so there it is a copy of our own descriptor. So it is for a file: it then shares the offset of the
 * command, which would overwrite a line that is written behind that offset.
 */
export function messageDescriptor(): number | null {
  if (isFile(STDERR)) return handable(libc.fcntl(STDERR, libc.F_DUPFD_CLOEXEC, 0))
  const name = libc.open(`/proc/self/fd/${STDERR}`, libc.O_PATH)
  if (name < 0) return null
  if (libc.access(`/proc/self/fd/${name}`, libc.W_OK) === 0) return handable(name)
  libc.close(name)
  return libc.isTerminal(STDERR) ? handable(libc.fcntl(STDERR, libc.F_DUPFD_CLOEXEC, 0)) : null
}

function isFile(fd: number): boolean {
  const status = libc.statusOf(fd)
  return typeof status !== 'number' && (status.mode & libc.S_IFMT) === libc.S_IFREG
}

/**
 * Writes one line to a descriptor made by `messageDescriptor`. Best effort and never blocking: false if the
 * file cannot be opened, or nobody takes the line.
 */
export function sayOn(descriptor: number, line: string): boolean {
  const bytes = new Uint8Array(Buffer.from(`${printable(line)}\n`))
  // One that only names its file is never writable.
  if (isWritable(descriptor, 0)) return libc.write(descriptor, bytes) === bytes.length
  const flags = libc.O_WRONLY | libc.O_APPEND | libc.O_NONBLOCK | libc.O_NOCTTY
  const opened = libc.open(`/proc/self/fd/${descriptor}`, flags)
  if (opened < 0) return false
  const written = isWritable(opened, 0) ? libc.write(opened, bytes) : 0
  libc.close(opened)
  return written === bytes.length
}
