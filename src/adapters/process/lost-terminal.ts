import { processStat } from '../kernel/processes.ts'
import { readText } from '../kernel/procfs.ts'
import { isTerminal } from './terminal.ts'

const STDERR = 2

/**
 * Returns a check whether the terminal of this process's messages is gone. The kernel and the shells send SIGHUP to
 * only some processes: not to background processes of `su -`, and not to the command of `su -c`. A process in its own
 * session (setsid) is meant to outlive its terminal, so for it the terminal never counts as gone.
 */
export function terminalCheck(): () => boolean {
  if (!isTerminal(STDERR)) return () => false
  const own = processStat('self')
  const isBound = own !== null && (own.terminal !== 0 || isSessionOfSu(own.session))
  return () => isBound && !isTerminal(STDERR)
}

/** `su -c` puts its command into a session without a terminal, and waits for it. */
function isSessionOfSu(leader: number): boolean {
  const starter = processStat(leader)?.parent ?? 0
  return ['su', 'runuser'].includes(readText(`/proc/${starter}/comm`)?.trim() ?? '')
}
