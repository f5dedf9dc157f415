import { processStat } from '../kernel/processes.ts'
import { readText } from '../kernel/procfs.ts'
import { isTerminal } from './terminal.ts'

const STDERR = 2

/**
 * Asks whether the terminal that this process writes its news to is gone. The kernel and the shells tell only some
 * processes so, by SIGHUP: none in the background of `su -`, and not the command of `su -c`. A process that was put into
 * a session of its own (setsid) is meant to outlive its terminal: it never counts as gone there.
 */
export function terminalCheck(): () => boolean {
  if (!isTerminal(STDERR)) return () => false
  const own = processStat('self')
  const isBound = own !== null && (own.terminal !== 0 || isSessionOfSu(own.session))
  return () => isBound && !isTerminal(STDERR)
}

/** `su -c` gives its command a session without a terminal, and waits for it. */
function isSessionOfSu(leader: number): boolean {
  const starter = processStat(leader)?.parent ?? 0
  return ['su', 'runuser'].includes(readText(`/proc/${starter}/comm`)?.trim() ?? '')
}
