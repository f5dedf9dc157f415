import { hasEnded, processStat, procIsOurs } from './processes.ts'
import { listNumbers, readText } from './procfs.ts'

/**
 * The living processes of a job: the root (null where it is gone, for its pid may be another's by now), its
 * descendants, and whoever carries the reservation in the environment it was started with (daemons that left
 * the tree) with descendants. Never ourselves. Root first, parents before children. Processes that come or
 * go meanwhile may be missed. Where `/proc` is another pid namespace's and its pids mean others, the root alone.
 */
export function processTree(root: number | null, reservationId: string): number[] {
  const children = new Map<number, number[]>()
  const starts = root === null ? [] : [root]
  if (!procIsOurs()) return starts
  const mark = `CANHAZGPU_RESERVATION=${reservationId}`
  for (const pid of listNumbers('/proc')) {
    const stat = processStat(pid)
    if (stat === null || hasEnded(stat)) continue
    const { parent } = stat
    const siblings = children.get(parent)
    if (siblings) siblings.push(pid)
    else children.set(parent, [pid])
    if (startedWith(pid, mark)) starts.push(pid)
  }
  return reachable(starts, children).filter((pid) => pid !== process.pid)
}

function startedWith(pid: number, variable: string): boolean {
  return readText(`/proc/${pid}/environ`)?.split('\0').includes(variable) ?? false
}

/** A Set keeps the order of insertion and is visited while it grows. */
function reachable(starts: readonly number[], children: ReadonlyMap<number, readonly number[]>): number[] {
  const found = new Set(starts)
  for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child)
  return [...found]
}
