import { close, lockExclusive, O_RDONLY, open } from '../kernel/libc.ts'
import { inheritable } from './detach.ts'

/**
 * A descriptor that locks the folder, for one process that is about to do something; null if another process has it, or
 * if the folder cannot be opened. The lock belongs to the open file: a child that inherits the descriptor has it too,
 * and the kernel releases it when nobody has the descriptor any more.
 */
export function lockFolder(path: string): number | null {
  const fd = inheritable(open(path, O_RDONLY))
  if (fd === null) return null
  if (lockExclusive(fd) === 0) return fd
  close(fd)
  return null
}
