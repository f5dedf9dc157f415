import { existsSync, writeFileSync } from 'node:fs'
import { cpus, setPriority } from 'node:os'

const count = cpus().length

/** The processor for abusers; undefined if there is only one. */
export const abusersProcessor = count === 1 ? undefined : String(count - 1)

/** Runs this process and its later children before other programs, and not on the processor for abusers. Needs root. */
export function preferThisProcess(): void {
  setPriority(-20)
  preferSession(process.pid, -20)
  if (count === 1) return
  const others = `0-${count - 2}`
  const argv = ['taskset', '--all-tasks', '--cpu-list', '--pid', others, `${process.pid}`]
  if (Bun.spawnSync(argv).exitCode !== 0) throw new Error('taskset failed')
}

/** Where the kernel groups processes by session, priorities count only within a session (sched(7), autogroup). */
export function preferSession(pid: number, priority: number): void {
  const group = `/proc/${pid}/autogroup`
  if (existsSync(group)) writeFileSync(group, String(priority))
}
