import { printable } from '../../domain/text.ts'
import * as libc from './libc.ts'

/**
 * Writes one line to the standard error of another process, whatever that is: terminal, pipe or file.
 * Best effort and never blocking: false where the process is gone or another user's, where its stderr is
 * closed or a socket, or where nobody takes the line.
 */
export function sayOnStderrOf(pid: number, line: string): boolean {
  const flags = libc.O_WRONLY | libc.O_APPEND | libc.O_NONBLOCK | libc.O_NOCTTY
  const fd = libc.open(`/proc/${pid}/fd/2`, flags)
  if (fd < 0) return false
  const bytes = new Uint8Array(Buffer.from(`${printable(line)}\n`))
  const written = libc.write(fd, bytes)
  libc.close(fd)
  return written === bytes.length
}
