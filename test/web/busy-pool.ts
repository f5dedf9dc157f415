import { startForever } from '../support/job.ts'
import { type Child, type TestPool, testPool } from '../support/pool.ts'
import { until } from '../support/until.ts'

const MEMORY = 81_559

export interface BusyPool extends TestPool {
  /** The command in the queue. */
  readonly waiter: Child
}

/** A pool with a GPU in each state, a waiter and a history. */
export async function busyPool(): Promise<BusyPool> {
  const pool = await testPool(5)
  await must(pool, 'reserve', '--gpus', '1', '--duration', '30m')
  await must(pool, 'release')
  await startForever(pool, '--gpu-ids', '0', '--note', 'fine-tune', '--timeout', '2h')
  await must(pool, 'reserve', '--gpu-ids', '1', '--duration', '3h', '--user', 'bob')
  pool.setFakeDriver({
    gpus: {
      '0': {
        ...readings(97, 71, 640.5),
        processes: [{ pid: 999_901, uid: 70_001, user: 'alice', name: 'python3', memory_mb: 70_000 }],
      },
      '1': readings(0, 33, 71),
      '2': {
        ...readings(31, 44, 210),
        processes: [
          { pid: 999_902, user: 'frank', name: 'jupyter', memory_mb: 11_000, command: 'jupyter lab' },
        ],
      },
      '3': { fault: 'GPU is lost' },
      '4': readings(0, 30, 70),
    },
  })
  const waiter = pool.start('reserve', '--gpus', '3', '--wait', '--note', 'the big one')
  await until('one command waits', async () => {
    const { stdout } = await pool.chg('queue', '--json')
    return waiter.exitCode !== null || (JSON.parse(stdout) as unknown[]).length === 1
  })
  return Object.assign(pool, { waiter })
}

function readings(utilization: number, temperature: number, power: number) {
  return {
    memory_total_mb: MEMORY,
    utilization_percent: utilization,
    temperature_c: temperature,
    power_w: power,
  }
}

export async function must(pool: TestPool, ...args: string[]): Promise<void> {
  const { status, stderr } = await pool.chg(...args)
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
}
