import type { GpuProcess, GpuReading, Millis, Probe } from '../../../domain/pool/model.ts'
import type { GpuProvider } from '../../../ports/driver.ts'
import { isQuotable } from '../../files/ownership.ts'
import { readExamined } from '../../files/small-file.ts'
import { withinDeadline } from '../deadline.ts'
import { driverFailed } from '../driver-errors.ts'
import { DRIVER_NAMES } from '../driver-names.ts'
import { withProcessDetails } from '../process-details.ts'
import { type JudgedGpu, known } from '../reading.ts'
import type { FakeGpu, FakeProcess, FakeScenario } from './fake-scenario.ts'

export interface FakeOptions {
  /** The number of GPUs. */
  readonly gpuCount: number
  /** A scenario (JSON, docs/fake-gpus.md), read at every probe. Without it all GPUs are idle. */
  readonly scenarioFile?: string | undefined
}

const MEMORY_TOTAL_MB = 81920

/**
 * Simulated GPUs, for trying canhazgpu, for demos and for tests. A scenario simulates unreserved use, faults, missing
 * GPUs, slow drivers and drivers that hang. The deadline applies as for a real driver.
 */
export function fakeProvider({ gpuCount, scenarioFile }: FakeOptions): GpuProvider {
  if (scenarioFile === undefined) {
    return { probe: async (): Promise<Probe> => ({ provider: 'fake', readings: idle(gpuCount) }) }
  }
  return {
    probe: (deadlineMs: Millis): Promise<Probe> =>
      withinDeadline(deadlineMs, DRIVER_NAMES.fake, async (signal) => {
        const scenario = await readScenario(scenarioFile, gpuCount)
        await simulateDriver(scenario, signal)
        return { provider: 'fake', readings: await simulatedReadings(scenario, gpuCount) }
      }),
  }
}

async function readScenario(file: string, gpuCount: number): Promise<FakeScenario> {
  const { parseScenario, invalid } = await import('./fake-scenario.ts')
  const read = readExamined(file, MOST_BYTES, () => undefined)
  if ('kind' in read) {
    throw invalid(file, `cannot be read: ${read.kind === 'too-large' ? 'it is too large' : read.reason}`)
  }
  try {
    return parseScenario(read.text, file, gpuCount)
  } catch (cause) {
    if (isQuotable(read.status)) throw cause
    throw invalid(file, 'it is not a valid scenario', cause)
  }
}

/** Enough for a scenario of all GPUs that a pool can have. */
const MOST_BYTES = 4 * 1024 * 1024

async function simulateDriver(scenario: FakeScenario, signal: AbortSignal): Promise<void> {
  if (scenario.hang) await new Promise(() => {})
  if (scenario.delay_ms > 0) await sleep(scenario.delay_ms, signal)
  if (scenario.fail !== undefined) throw driverFailed('The fake driver', scenario.fail)
}

function idle(gpuCount: number): GpuReading[] {
  const readings: GpuReading[] = []
  for (let index = 0; index < gpuCount; index++) {
    const state = {
      kind: 'measured',
      memoryUsedMb: 0,
      memoryTotalMb: MEMORY_TOTAL_MB,
      processes: [],
    } as const
    readings.push({ ...identity(index), state })
  }
  return readings
}

async function simulatedReadings(scenario: FakeScenario, gpuCount: number): Promise<GpuReading[]> {
  const all = Array.from({ length: gpuCount }, (_, index) => ({ index, fake: scenario.gpus[index] }))
  const reachable = all.filter(({ fake }) => fake?.missing !== true)
  const gpus = await withProcessDetails(reachable.map(({ index, fake }) => simulated(index, fake)))
  // The scenario's values for a process take precedence over the kernel's values for the pid.
  return gpus.map((gpu) => withScenarioValues(gpu, scenario.gpus[gpu.index]?.processes ?? []))
}

function simulated(index: number, fake: FakeGpu | undefined): JudgedGpu {
  const gpu = { ...identity(index), ...known({ uuid: fake?.uuid, name: fake?.name }) }
  if (fake?.fault !== undefined) return { ...gpu, state: { kind: 'fault', reason: fake.fault } }
  const processes = fake?.processes ?? []
  const usedByProcesses = processes.reduce((sum, process) => sum + (process.memory_mb ?? 0), 0)
  const state = {
    kind: 'measured' as const,
    memoryUsedMb: fake?.memory_used_mb ?? usedByProcesses,
    memoryTotalMb: fake?.memory_total_mb ?? MEMORY_TOTAL_MB,
    ...known({
      utilizationPercent: fake?.utilization_percent,
      temperatureC: fake?.temperature_c,
      powerW: fake?.power_w,
      mig: fake?.mig || undefined,
    }),
    processes: processes.map(({ pid, memory_mb }) => known({ pid, memoryMb: memory_mb })),
  }
  return { ...gpu, state }
}

function withScenarioValues(gpu: GpuReading, fakes: readonly FakeProcess[]): GpuReading {
  if (gpu.state.kind === 'fault') return gpu
  const processes = gpu.state.processes.map((process, i): GpuProcess => {
    const { uid, user, name, command } = fakes[i] ?? {}
    return { ...process, ...known({ uid, user, name, command }) }
  })
  return { ...gpu, state: { ...gpu.state, processes } }
}

function identity(index: number): { readonly index: number; readonly uuid: string; readonly name: string } {
  return { index, uuid: `GPU-fake-${index}`, name: 'Fake GPU' }
}

function sleep(ms: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}
