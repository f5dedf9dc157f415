import { memoryEvidence } from '../../domain/observation/evidence.ts'
import type { GpuFault, GpuMeasurement, GpuReading, SharedCard } from '../../domain/pool/model.ts'

/** A process as the driver reports it, before its owner is read from `/proc`. */
export interface ReportedProcess {
  readonly pid: number
  readonly name?: string
  readonly memoryMb?: number
  readonly graphics?: true
}

/** A driver's report of a GPU that it can reach. An absent property was not reported. */
export interface ReportedMeasurement {
  readonly kind: 'measured'
  readonly memoryUsedMb?: number
  readonly memoryTotalMb?: number
  readonly utilizationPercent?: number
  readonly temperatureC?: number
  readonly powerW?: number
  readonly mig?: boolean
  readonly card?: SharedCard
  /** Absent: the driver did not report which processes use the GPU. */
  readonly processes?: readonly ReportedProcess[]
}

/** One GPU as the driver reports it. `uuid` is empty if unknown, for example for a GPU that has fallen off the bus. */
export interface ReportedGpu extends Omit<GpuReading, 'state'> {
  readonly state: ReportedMeasurement | GpuFault
}

/** One GPU with its memory in use, before the owners of its processes are known. */
export interface JudgedGpu extends Omit<GpuReading, 'state'> {
  readonly state:
    | GpuFault
    | (Omit<GpuMeasurement, 'processes'> & { readonly processes: readonly ReportedProcess[] })
}

/** Decides which reading shows the use of each GPU. A GPU without such a reading is faulty, never idle. */
export function judged(gpus: readonly ReportedGpu[], hostMemoryMb: number | undefined): JudgedGpu[] {
  return gpus.map((gpu) => ({ ...gpu, state: judgedState(gpu.state, hostMemoryMb) }))
}

function judgedState(state: ReportedGpu['state'], hostMemoryMb: number | undefined): JudgedGpu['state'] {
  if (state.kind === 'fault') return state
  const { memoryUsedMb: usedMb, memoryTotalMb: totalMb, processes, ...others } = state
  const evidence = memoryEvidence({ usedMb, totalMb, processes }, hostMemoryMb)
  if (evidence.kind === 'none') {
    return { kind: 'fault', reason: 'the driver reports neither its memory use nor its processes' }
  }
  return {
    ...others,
    memoryUsedMb: evidence.usedMb,
    ...(evidence.kind === 'processes' ? { memoryBy: 'processes' as const } : {}),
    ...(totalMb ? { memoryTotalMb: totalMb } : {}),
    processes: processes ?? [],
  }
}

/** A measurement without its unknown readings. */
export function measured(
  readings: {
    readonly [Key in keyof Omit<ReportedMeasurement, 'kind'>]: ReportedMeasurement[Key] | undefined
  },
): ReportedMeasurement {
  return { kind: 'measured', ...known(readings) }
}

/** The same object without its undefined properties. */
export function known<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, v]) => v !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> }
}

/** Whether no value occurs twice. */
export function areDistinct(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length
}

/** One entry per pid, with the sum of its memory: a process has one entry for each MIG instance it uses. */
export function oncePerPid(processes: readonly ReportedProcess[]): ReportedProcess[] {
  const byPid = new Map<number, ReportedProcess>()
  for (const process of processes) {
    const before = byPid.get(process.pid)
    byPid.set(process.pid, before === undefined ? process : added(before, process))
  }
  return [...byPid.values()]
}

function added(one: ReportedProcess, other: ReportedProcess): ReportedProcess {
  if (one.memoryMb === undefined || other.memoryMb === undefined) return { ...other, ...one }
  return { ...other, ...one, memoryMb: one.memoryMb + other.memoryMb }
}
