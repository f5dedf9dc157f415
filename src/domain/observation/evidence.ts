import type { GpuMeasurement, GpuProcess } from '../pool/model.ts'

/**
 * A compute process with at least this much memory counts as use. A desktop's compositor is a compute process with
 * 25 MB; programs that work on a GPU hold more than 100 MB.
 */
export const WORKING_PROCESS_MB = 64

/** The memory of a GPU as the driver reports it; a value that the driver did not report is absent. */
export interface ReportedMemory {
  readonly usedMb?: number | undefined
  readonly totalMb?: number | undefined
  /** Absent: the driver did not list the processes on the GPU. */
  readonly processes?: readonly Pick<GpuProcess, 'memoryMb'>[] | undefined
}

/** The value that decides whether a GPU is used: the memory in use on the card, or the memory of its processes. */
export type MemoryEvidence =
  | { readonly kind: 'card'; readonly usedMb: number }
  | { readonly kind: 'processes'; readonly usedMb: number }
  | { readonly kind: 'none' }

/**
 * A card without its own memory reports no memory, 0 of 0, or the host's memory, which other programs use too. For
 * such a card its processes decide. If the driver does not list them, there is no evidence.
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

/** The values may differ by 1 because both are rounded down to whole MB. */
function isHostMemory(totalMb: number | undefined, hostMemoryMb: number | undefined): boolean {
  return totalMb !== undefined && hostMemoryMb !== undefined && Math.abs(totalMb - hostMemoryMb) <= 1
}

/**
 * Whether a GPU without a reservation is in use. Utilisation is ignored: an idle L40S reported 100 %.
 */
export function isOccupied(use: GpuMeasurement, thresholdMb: number): boolean {
  return (
    use.memoryUsedMb >= thresholdMb ||
    sumOf(use.processes) >= thresholdMb ||
    use.processes.some((process) => occupies(process, use))
  )
}

/** Whether a reserved GPU is in use. A graphics process belongs to the desktop, not to the holder's work. */
export function isWorking(use: GpuMeasurement, thresholdMb: number): boolean {
  return use.processes.some((process) => !process.graphics) || isOccupied(use, thresholdMb)
}

/** Whether a process counts as work: it computes, and its memory is at least WORKING_PROCESS_MB or unknown. */
export function isWork({ memoryMb, graphics }: GpuProcess): boolean {
  return !graphics && (memoryMb === undefined || memoryMb >= WORKING_PROCESS_MB)
}

function occupies({ memoryMb, graphics }: GpuProcess, use: GpuMeasurement): boolean {
  // If the card's memory is unknown too, the process may be working.
  if (memoryMb === undefined) return use.memoryBy === 'processes'
  return !graphics && memoryMb >= WORKING_PROCESS_MB
}

export function sumOf(processes: readonly Pick<GpuProcess, 'memoryMb'>[]): number {
  let sum = 0
  for (const process of processes) sum += process.memoryMb ?? 0
  return sum
}

/** Memory in use that no process accounts for; 0 if the memory of some process is unknown. */
export function unexplainedMb({ memoryUsedMb, processes }: GpuMeasurement): number {
  const isKnown = processes.every((process) => process.memoryMb !== undefined)
  return isKnown ? Math.max(0, memoryUsedMb - sumOf(processes)) : 0
}

/** The user names of the processes on a GPU, each once, in the order of the processes. */
export function usersOf(use: GpuMeasurement): readonly string[] {
  return [...new Set(use.processes.flatMap((process) => process.user ?? []))]
}
