import { readdirSync, readFileSync } from 'node:fs'
import { fakePool } from '../pool.ts'
import type { Row } from '../row.ts'

const BUDGET_MB = 5
const BUDGET_WAKE_UPS = 2
const MEASURED_S = 5
/** The supervisor reads the pool once, a second after its start. After this time it is idle. */
const IDLE_AFTER_S = 3

export const idleSupervisor: Row = {
  name: 'idle-supervisor',
  what: `private memory and wake-ups of an idle supervisor (budget ${BUDGET_MB} MB and ${BUDGET_WAKE_UPS} per second)`,
  async measure(bench) {
    using pool = await fakePool(bench, 1)
    const { env } = pool
    const job = Bun.spawn([bench.canhazgpu, 'run', '--', 'sleep', '1000'], {
      env: { ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    await job.stderr.getReader().read()
    try {
      const pid = await supervisorOf(env.CANHAZGPU_STORE ?? '')
      await Bun.sleep(IDLE_AFTER_S * 1_000)
      const before = switchesOf(pid)
      await Bun.sleep(MEASURED_S * 1_000)
      const wakeUps = (switchesOf(pid) - before) / MEASURED_S
      const megabytes = privateMb(pid)
      return {
        value: `${megabytes.toFixed(1)} MB private, ${wakeUps.toFixed(1)} wake-ups per second`,
        comparedWith: `${BUDGET_MB} MB and ${BUDGET_WAKE_UPS} wake-ups per second`,
        ratio: Math.max(megabytes / BUDGET_MB, wakeUps / BUDGET_WAKE_UPS),
        budget: 1,
        broken: [],
        details: { megabytes, wakeUps },
      }
    } finally {
      job.kill()
      await job.exited
    }
  },
}

async function supervisorOf(store: string): Promise<number> {
  for (;;) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const words = read(`/proc/${pid}/cmdline`).split('\0')
      if (words[1] === '__supervise' && words[2] === store) return Number(pid)
    }
    await Bun.sleep(10)
  }
}

/** Voluntary context switches of all its threads. */
function switchesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => read(`/proc/${pid}/task/${thread}/status`))
    .map((status) => Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1] ?? 0))
    .reduce((sum, each) => sum + each, 0)
}

/** Only memory that it wrote: all processes share the clean pages of the executable. */
function privateMb(pid: number): number {
  const rollup = read(`/proc/${pid}/smaps_rollup`)
  return Number(/^Private_Dirty:\s*(\d+) kB/m.exec(rollup)?.[1] ?? 0) / 1024
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
