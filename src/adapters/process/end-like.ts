import { exitNow, kill } from '../kernel/libc/process.ts'
import { RLIMIT_CORE, resourceLimit, setBlockedSignals, setDisposition } from '../kernel/libc/programs.ts'

/** A shell whose last command was ended by a signal exits with its number and this. */
export const SHELL_BASE = 128

/** Ends this process as another one ended: with its exit status, or by its signal, but without a core file. */
export function endLike(end: { readonly code: number } | { readonly signal: number }): never {
  if ('code' in end) return exit(end.code)
  const { signal } = end
  resourceLimit(RLIMIT_CORE, new BigUint64Array([0n, 0n]), null)
  setDisposition(signal, 'default')
  setBlockedSignals(0n)
  kill(process.pid, signal)
  return exit(SHELL_BASE + signal)
}

function exit(status: number): never {
  exitNow(status)
  throw new Error('unreachable')
}
