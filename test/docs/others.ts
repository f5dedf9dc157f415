import { mkdirSync } from 'node:fs'
import type { UsageRecord } from '../../src/domain/pool/model.ts'
import { gpuUnit } from '../../src/domain/pool/units.ts'
import { nvidiaSmiFiles, programEnvironment } from '../adapters/gpu/simulated-drivers.ts'
import { EIGHT_H100, type SimulatedMachine } from '../adapters/gpu/simulated-machine.ts'
import { writeHistory } from '../support/database.ts'
import { startForever } from '../support/job.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { wait } from '../support/waiters.ts'

/** What the other people on the pages do. All are the account of the test, with another shown name. */

/** The person reserves these GPUs for hours. */
export const reserved = (pool: TestPool, user: string, gpus: string, duration = '4h') =>
  pool.chg('reserve', '--gpu-ids', gpus, '--user', user, '--duration', duration)

/** The person runs a command that does not end by itself. */
export const running = (pool: TestPool, user: string, gpus: string) =>
  startForever(pool, '--gpu-ids', gpus, '--user', user)

/** A command with these options that does not end by itself. */
export const startWith = (pool: TestPool, ...options: string[]) => startForever(pool, ...options)

export const waiting = (pool: TestPool, user: string, ...options: string[]) =>
  wait(pool, 'run', '--wait', '--user', user, ...options, '--', 'true')

export const released = (pool: TestPool, gpus: string) => pool.chg('release', '--gpu-ids', gpus)

/** Bob uses this GPU without a reservation. */
export const usedByBob = (gpu: number) => {
  const bob = { pid: 12345, user: 'bob', uid: 1002, name: 'python3', memory_mb: 1536 }
  return { gpus: { [gpu]: { processes: [bob] } } }
}

/** A process of the account of the test. */
export const own = (user: string, memory_mb: number, command = 'python3 train.py') => {
  return { pid: 999_999, uid: process.getuid?.(), user, name: 'python3', memory_mb, command }
}

/** Eight GPUs, one in each state. */
export async function busyMachine(pool: TestPool): Promise<void> {
  await pool.chg('run', '--gpu-ids', '0', '--', 'true')
  await running(pool, 'alice', '1')
  await reserved(pool, 'carol', '3')
  await running(pool, 'dave', '7')
  await pool.chg('drain', '6', '--reason', 'fan')
  await pool.chg('drain', '7', '--reason', 'riser')
  const [bob] = usedByBob(2).gpus[2]?.processes ?? []
  pool.setFakeDriver({
    gpus: {
      0: { memory_used_mb: 45 },
      1: { processes: [own('alice', 8452)] },
      2: { processes: [bob, { ...bob, pid: 67890, name: 'jupyter', memory_mb: 0 }] },
      5: { fault: 'GPU is lost' },
      7: { processes: [own('dave', 512)] },
    },
  })
}

/** A pool with this driver from the start, so that it knows the names and the memory of its GPUs. */
export async function poolWith(gpus: number, scenario: object): Promise<TestPool> {
  const pool = await testPool(0)
  pool.setFakeDriver(scenario)
  await pool.chg('admin', '--gpus', String(gpus), '--provider', 'fake')
  return pool
}

/** A pool to be, on a machine with eight H100 and `nvidia-smi`. */
export async function machineWithDriver(machine: SimulatedMachine = EIGHT_H100): Promise<TestPool> {
  const pool = await testPool(0)
  mkdirSync(`${pool.folder}/driver`)
  const programs = await programEnvironment('nvidia-smi', nvidiaSmiFiles(machine), `${pool.folder}/driver`)
  Object.assign(pool.env, programs)
  pool.env.CANHAZGPU_NVML_LIBRARY = '/nowhere/none.so.1'
  pool.env.CANHAZGPU_PROBE_TIMEOUT = '2s'
  return pool
}

/** GPUs with these names, and the memory of such a card. */
export const models = (...names: (keyof typeof MEMORY_MB)[]) => ({
  gpus: Object.fromEntries(
    names.map((name, gpu) => [gpu, { name, memory_total_mb: MEMORY_MB[name] }] as const),
  ),
})

const MEMORY_MB = {
  'NVIDIA H100 80GB HBM3': 81_559,
  'NVIDIA A100-SXM4-40GB': 40_536,
  'NVIDIA H200': 143_771,
} as const

/** Switches bookings on. */
export async function withBookings(pool: TestPool): Promise<void> {
  for (const rule of ['max-duration 2d', 'default-duration 8h', 'bookings on']) {
    await pool.chg('policy', 'set', ...rule.split(' '))
  }
}

/** Ann books the first GPUs for tomorrow; returns the id. */
export async function bookedByAnn(pool: TestPool, gpus = '2'): Promise<string> {
  await withBookings(pool)
  const options = ['--at', 'tomorrow 9:00', '--duration', '4h', '--user', 'ann', '--note', 'demo', '--short']
  return (await pool.chg('reserve', '--gpus', gpus, ...options)).stdout.trim()
}

const HOUR_MS = 3_600_000

/** Puts ended reservations into the history: hours in all, and how many by `run` and by `reserve`. */
export function usedBefore(
  pool: TestPool,
  user: string,
  { hours, run, manual }: { readonly hours: number; readonly run: number; readonly manual: number },
): void {
  const endedAt = Date.now() - 48 * HOUR_MS
  const records = Array.from(
    { length: run + manual },
    (_, nth): UsageRecord => ({
      host: 'gpu-box',
      reservation: `${user}-${nth}`,
      unit: gpuUnit(0),
      owner: { account: { uid: 1000, name: user }, shownName: user },
      term: nth < run ? 'run' : 'manual',
      startedAt: Math.round(endedAt - (hours * HOUR_MS) / (run + manual)),
      endedAt,
      outcome: 'exited',
    }),
  )
  writeHistory(pool, records)
}
