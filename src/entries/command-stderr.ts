import { close, isTerminal, pidfdGetDescriptor } from '../adapters/kernel/libc.ts'
import { readLink } from '../adapters/kernel/procfs.ts'
import type { WatchedProcess } from '../adapters/kernel/wait.ts'
import { writeMessage } from '../adapters/process/message.ts'

const STDERR = 2

/** The standard error of a command, for messages of the daemon. */
export interface CommandStderr {
  /** Does nothing if the command has redirected its standard error to another file since `known`. */
  write(line: string): void
  close(): void
}

/** Must be called before this process takes the account of the job. `known`: see `CommandsParts.stderrOf`. */
export function openCommandStderr({ pidfd }: WatchedProcess, known: string | null): CommandStderr {
  let fd = pidfd === null ? -1 : pidfdGetDescriptor(pidfd, STDERR)
  return {
    write: (line) => {
      if (fd >= 0 && (isTerminal(fd) || readLink(`/proc/self/fd/${fd}`) === known)) writeMessage(fd, line)
    },
    close: () => {
      if (fd >= 0) close(fd)
      fd = -1
    },
  }
}
