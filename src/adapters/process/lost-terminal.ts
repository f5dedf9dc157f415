import { ioctl, TIOCGPGRP } from '../kernel/libc/terminals.ts'
import { processStat } from '../kernel/processes.ts'
import { readText } from '../kernel/procfs.ts'
import { isTerminal } from './terminal.ts'

const STDERR = 2

/**
 * Returns a check whether the terminal of this process's messages is gone. The kernel and the shells send SIGHUP to
 * only some processes: not to background processes of `su -`, and not to the command of `su -c`. A process in its own
 * session (setsid) is meant to outlive its terminal, so for it the terminal never counts as gone. Nor does a terminal
 * that only shows the messages (`2> /dev/pts/7`).
 */
export function terminalCheck(): () => boolean {
  if (!isTerminal(STDERR)) return () => false
  const isBound = isControlling(STDERR) || isCommandOfSu()
  return () => isBound && !isTerminal(STDERR)
}

/** The kernel answers this only for the terminal of the caller's own session. */
const isControlling = (fd: number): boolean => ioctl(fd, TIOCGPGRP, new Uint8Array(4)) >= 0

/** `su -c` puts its command into a session without a terminal, and waits for it. */
function isCommandOfSu(): boolean {
  const own = processStat('self')
  if (own === null || own.terminal !== 0) return false
  const starter = processStat(own.session)?.parent ?? 0
  return ['su', 'runuser'].includes(readText(`/proc/${starter}/comm`)?.trim() ?? '')
}
