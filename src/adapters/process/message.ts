import { printable } from '../../domain/text/text.ts'
import {
  close,
  F_DUPFD_CLOEXEC,
  fcntl,
  O_APPEND,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_WRONLY,
  open,
  write,
} from '../kernel/libc/descriptors.ts'
import { access, S_IFMT, S_IFREG, statusOf, W_OK } from '../kernel/libc/paths.ts'
import { isTerminal } from '../kernel/libc/terminals.ts'
import { inheritable } from './detach.ts'
import { isWritable } from './terminal.ts'

/**
 * Lets a supervisor write to the standard error of `run` after the command has replaced that process. The launcher
 * passes a descriptor to it. `/proc/<pid>/fd/2` is not used, because another process may have this pid by then.
 */

const STDERR = 2

/**
 * For `startDetached`; null if messages cannot be sent. The descriptor of a pipe or a terminal only names it (O_PATH):
 * an open pipe would keep its reader waiting, and an open terminal would keep its window open. In two cases the result
 * is a copy of our own descriptor instead. A terminal under `su -` belongs to another account and cannot be opened
 * again. A file must share the command's offset, or the command would overwrite the line.
 */
export function messageDescriptor(): number | null {
  if (isFile(STDERR)) return inheritable(fcntl(STDERR, F_DUPFD_CLOEXEC, 0))
  const name = open(`/proc/self/fd/${STDERR}`, O_PATH)
  if (name < 0) return null
  if (access(`/proc/self/fd/${name}`, W_OK) === 0) return inheritable(name)
  close(name)
  return isTerminal(STDERR) ? inheritable(fcntl(STDERR, F_DUPFD_CLOEXEC, 0)) : null
}

function isFile(fd: number): boolean {
  const status = statusOf(fd)
  return typeof status !== 'number' && (status.mode & S_IFMT) === S_IFREG
}

/**
 * Writes one line to a descriptor from `messageDescriptor`. Best effort, never blocking: false if the file cannot be
 * opened or the line cannot be written.
 */
export function writeMessage(descriptor: number, line: string): boolean {
  const bytes = new Uint8Array(Buffer.from(`${printable(line)}\n`))
  // A descriptor that only names its file is never writable.
  if (isWritable(descriptor, 0)) return write(descriptor, bytes) === bytes.length
  const flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY
  const opened = open(`/proc/self/fd/${descriptor}`, flags)
  if (opened < 0) return false
  const written = isWritable(opened, 0) ? write(opened, bytes) : 0
  close(opened)
  return written === bytes.length
}
