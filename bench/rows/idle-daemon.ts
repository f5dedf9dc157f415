import { readFileSync } from 'node:fs'
import { fakePool } from '../pool.ts'
import type { Row } from '../row.ts'

const BUDGET_MB = 70
const BUDGET_PERCENT = 0.5
const GPUS = 8
const MEASURED_S = 30
/** The start, and the first probes. */
const IDLE_AFTER_S = 2
/** Ticks of `utime` and `stime` per second (proc_pid_stat(5)). */
const TICKS = 100

export const idleDaemon: Row = {
  name: 'idle-daemon',
  what: `memory and processor time of an idle daemon, ${GPUS} simulated GPUs (budget ${BUDGET_MB} MB resident, ${BUDGET_PERCENT} % of a core)`,
  async measure(bench) {
    using pool = await fakePool(bench, GPUS, 'daemon')
    const pid = pool.daemon?.pid ?? 0
    await Bun.sleep(IDLE_AFTER_S * 1_000)
    const before = ticksOf(pid)
    await Bun.sleep(MEASURED_S * bench.effort * 1_000)
    const percent = (100 * (ticksOf(pid) - before)) / TICKS / (MEASURED_S * bench.effort)
    const megabytes = residentMb(pid)
    return {
      value: `${megabytes.toFixed(1)} MB resident, ${percent.toFixed(2)} % of a core`,
      comparedWith: `${BUDGET_MB} MB and ${BUDGET_PERCENT} %`,
      ratio: Math.max(megabytes / BUDGET_MB, percent / BUDGET_PERCENT),
      budget: 1,
      broken: [],
      details: { megabytes, percent },
    }
  },
}

function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
}
