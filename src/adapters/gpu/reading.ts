import type { GpuFault, GpuMeasurement, GpuReading } from '../../domain/model.ts'

/** A process as the driver names it, before `/proc` was asked whose it is. */
export interface ReportedProcess {
  readonly pid: number
  readonly name?: string
  readonly memoryMb?: number
}

type ReportedMeasurement = Omit<GpuMeasurement, 'processes'> & {
  readonly processes: readonly ReportedProcess[]
}

/**
 * One GPU as the driver describes it. `uuid` is empty where the driver could not tell, as it is with a GPU
 * that has fallen off the bus.
 */
export interface ReportedGpu extends Omit<GpuReading, 'state'> {
  readonly state: ReportedMeasurement | GpuFault
}

/** What the driver may or may not tell; undefined stands for "it did not". */
export interface OptionalReadings {
  readonly memoryTotalMb?: number | undefined
  readonly utilizationPercent?: number | undefined
  readonly temperatureC?: number | undefined
  readonly powerW?: number | undefined
  readonly mig?: boolean | undefined
}

/** A measurement in which unknown readings are absent. */
export function measured(
  memoryUsedMb: number,
  readings: OptionalReadings,
  processes: readonly ReportedProcess[],
): ReportedMeasurement {
  return { kind: 'measured', memoryUsedMb, ...known(readings), processes }
}

/** The same object without its undefined properties. */
export function known<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, v]) => v !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> }
}

/** Whether nothing stands there twice. */
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
