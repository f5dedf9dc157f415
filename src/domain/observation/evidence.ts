import type { GpuMeasurement, GpuProcess } from '../pool/model.ts'

/**
 * From this much memory on, one compute process is use. A desktop's compositor is a compute process with
 * 25 MB; every program that works on a GPU holds more than 100 MB.
 */
export const WORKING_PROCESS_MB = 64

/** The memory of a GPU as its driver reports it; absent: the driver did not report it. */
export interface ReportedMemory {
  readonly usedMb?: number | undefined
  readonly totalMb?: number | undefined
  /** Absent: the driver did not answer which processes use the GPU. */
  readonly processes?: readonly Pick<GpuProcess, 'memoryMb'>[] | undefined
}

/** Which reading shows whether a GPU is used: the memory in use on the card, or what its processes hold. */
export type MemoryEvidence =
  | { readonly kind: 'card'; readonly usedMb: number }
  | { readonly kind: 'processes'; readonly usedMb: number }
  | { readonly kind: 'none' }

/**
 * A card without memory of its own reports none, 0 of 0, or the host's memory, of which other programs use
 * most: its processes decide. Where the driver does not answer which these are, nothing is known.
 */
export function memoryEvidence(reported: ReportedMemory, hostMemoryMb: number | undefined): MemoryEvidence {
  const { usedMb, totalMb, processes } = reported
  const isHosts = isHostMemory(totalMb, hostMemoryMb)
  const isCards = usedMb !== undefined && totalMb !== 0 && !isHosts
  if (isCards) return { kind: 'card', usedMb }
  if (processes === undefined) return { kind: 'none' }
  const held = sumOf(processes)
  return { kind: 'processes', usedMb: isHosts ? held : Math.max(held, usedMb ?? 0) }
}

/** Both are rounded down to whole MB. */
function isHostMemory(totalMb: number | undefined, hostMemoryMb: number | undefined): boolean {
  return totalMb !== undefined && hostMemoryMb !== undefined && Math.abs(totalMb - hostMemoryMb) <= 1
}

/**
 * Whether somebody works on a GPU that has no reservation. Utilisation proves nothing: an idle L40S reported
 * 100 %.
 */
export function isOccupied(usage: GpuMeasurement, thresholdMb: number): boolean {
  return (
    usage.memoryUsedMb >= thresholdMb ||
    sumOf(usage.processes) >= thresholdMb ||
    usage.processes.some((process) => works(process, usage))
  )
}

/** Whether a reserved GPU is really being used. A process that only draws is the desktop's, not the holder's. */
export function isWorking(usage: GpuMeasurement, thresholdMb: number): boolean {
  return usage.processes.some((process) => !process.graphics) || isOccupied(usage, thresholdMb)
}

/** Whether a process is more than part of a desktop: it computes, with memory that counts or is unknown. */
export function isWork({ memoryMb, graphics }: GpuProcess): boolean {
  return !graphics && (memoryMb === undefined || memoryMb >= WORKING_PROCESS_MB)
}

function works({ memoryMb, graphics }: GpuProcess, usage: GpuMeasurement): boolean {
  // With the card's memory unknown as well, nothing shows that the process is idle.
  if (memoryMb === undefined) return usage.memoryBy === 'processes'
  return !graphics && memoryMb >= WORKING_PROCESS_MB
}

export function sumOf(processes: readonly Pick<GpuProcess, 'memoryMb'>[]): number {
  return processes.reduce((sum, process) => sum + (process.memoryMb ?? 0), 0)
}

/** Memory in use that no process accounts for; none where that of some process is unknown. */
export function unexplainedMb({ memoryUsedMb, processes }: GpuMeasurement): number {
  const isKnown = processes.every((process) => process.memoryMb !== undefined)
  return isKnown ? Math.max(0, memoryUsedMb - sumOf(processes)) : 0
}

/** The names of those who work on a GPU, each once, in the order of their processes. */
export function usersOf(usage: GpuMeasurement): readonly string[] {
  return [...new Set(usage.processes.flatMap((process) => process.user ?? []))]
}
