import { pidfdGetDescriptor } from '../adapters/kernel/libc/process.ts'
import { isTerminal } from '../adapters/kernel/libc/terminals.ts'
import { readLink } from '../adapters/kernel/procfs.ts'
import type { WatchedProcess } from '../adapters/kernel/wait.ts'
import { writeMessage } from '../adapters/process/message.ts'

const STDERR = 2

/**
 * Opens the standard error of a command. The result writes a line to it, unless the command has redirected it to another
 * file since `known` (see `CommandsParts.stderrOf`). Must be called before this process takes the rights of the account.
 */
export function openCommandStderr({ pidfd }: WatchedProcess, known: string | null): (line: string) => void {
  const fd = pidfd === null ? -1 : pidfdGetDescriptor(pidfd, STDERR)
  return (line) => {
    if (fd >= 0 && (isTerminal(fd) || readLink(`/proc/self/fd/${fd}`) === known)) writeMessage(fd, line)
  }
}
