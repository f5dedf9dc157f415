import * as libc from '../kernel/libc.ts'

const SHELL_BASE = 128

/** Ends this process as another one ended: with its exit status, or by its signal, but without a core file. */
export function endLike(end: { readonly code: number } | { readonly signal: number }): never {
  if ('code' in end) return exit(end.code)
  const { signal } = end
  libc.resourceLimit(libc.RLIMIT_CORE, new BigUint64Array([0n, 0n]), null)
  libc.setDisposition(signal, 'default')
  libc.setBlockedSignals(0n)
  libc.kill(process.pid, signal)
  return exit(SHELL_BASE + signal)
}

function exit(status: number): never {
  libc.exitNow(status)
  throw new Error('unreachable')
}
