import { effectiveUid } from '../../kernel/libc/rights.ts'
import { hasEnded, processStat, processUsers } from '../../kernel/processes.ts'
import { listNumbers, readLink, readText } from '../../kernel/procfs.ts'

/**
 * The number of children of this account that asked the driver for an earlier process, and have not ended since it was
 * killed. The kernel kills them too, but not while they hang in an uninterruptible call of the driver.
 */
export const countLeftBehind = (): number => listNumbers('/proc').filter(isLeftBehind).length

/** A child has the same executable as its parent. A child that was left behind has another parent. */
function isLeftBehind(pid: number): boolean {
  // Another account may give its process any arguments, and may block everybody who reads them.
  if (processUsers(pid)?.effective !== effectiveUid()) return false
  if (readText(`/proc/${pid}/cmdline`)?.split('\0').includes('__probes') !== true) return false
  const stat = processStat(pid)
  if (stat === null || hasEnded(stat)) return false
  return readLink(`/proc/${pid}/exe`) !== readLink(`/proc/${stat.parent}/exe`)
}
