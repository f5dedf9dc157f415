import { sumOf, WORKING_PROCESS_MB } from '../../../domain/observation/evidence.ts'
import { complaintInNumber } from '../driver-text.ts'
import { oncePerPid, type ReportedProcess } from '../reading.ts'
import { at, type Entry, whole } from './amd-documents.ts'
import { amountIn, complaintAt, megabytes, type Path, textAt } from './amd-values.ts'

/** amd-smi's answer about the processes of one GPU. */
export interface ProcessAnswer {
  /** Absent: it does not report which processes use the GPU. */
  readonly processes?: readonly ReportedProcess[]
  /** Some processes could not be read, or have no memory on this GPU. */
  readonly isPartial: boolean
  readonly complaint?: string
}

const NO_PROCESS = /^(no (running )?process(es)?\b.*|not found)$/i
const MEMORY: readonly Path[] = [['memory_usage', 'vram_mem'], ['memory_usage', 'gtt_mem'], ['mem_usage']]

/**
 * The processes in one GPU's entry. They are in `process_list`; before ROCm 6.2 they are in `process_info`, or in
 * `values` if there are several.
 *
 * @param withGtt whether host memory counts: on some GPUs most of the memory is host memory
 */
export function processesIn(entry: Entry | undefined, withGtt: boolean): ProcessAnswer {
  const answer = entry?.process_list ?? entry?.values ?? entry?.process_info
  if (answer === undefined) return { isPartial: true }
  const items = Array.isArray(answer) ? answer : [answer]
  const processes: ReportedProcess[] = []
  let isPartial = false
  for (const item of items) {
    const info = at(item, 'process_info') ?? item
    if (typeof info === 'string' && NO_PROCESS.test(info.trim())) continue
    const complaint = typeof info === 'string' ? complaintInNumber(info) : complaintIn(info)
    if (complaint !== undefined) return { isPartial: true, complaint: `processes: ${complaint}` }
    const memoryMb = memoryIn(info, withGtt)
    const process = processIn(info, memoryMb)
    if (process === undefined && memoryMb !== undefined && memoryMb > 0) {
      return { isPartial: true, complaint: 'processes: a process with memory has no process id' }
    }
    // The kernel lists every process that opened the driver, under every GPU. Most of them do not use this GPU.
    if (process === undefined || process.memoryMb === 0) isPartial = true
    else processes.push(process)
  }
  const isUnread = processes.length === 0 && items.some((item) => isUnreadable(item))
  return isUnread ? { isPartial } : { isPartial, processes: oncePerPid(processes) }
}

/**
 * Removes the processes that are not on the GPU. Some tools list a process under every GPU, each time with all of its
 * memory. If a card has less memory in use than that, the process is not on it.
 */
export function onTheirGpus<Gpu extends GpuProcesses>(gpus: readonly Gpu[]): Gpu[] {
  const isOn = (gpu: GpuProcesses, process: ReportedProcess) =>
    gpu.usedMb === undefined || (process.memoryMb ?? 0) <= gpu.usedMb + READ_LATER_MB
  return gpus.map((gpu) => ({
    ...gpu,
    processes: gpu.processes?.filter(
      (process) =>
        isOn(gpu, process) ||
        !gpus.some((other) => other !== gpu && isOn(other, process) && isListedOn(other, process)),
    ),
  }))
}

interface GpuProcesses {
  readonly usedMb?: number | undefined
  readonly processes?: readonly ReportedProcess[] | undefined
}

/** How much the process's memory may exceed the card's, because it is read slightly later. */
const READ_LATER_MB = 64

function isListedOn(gpu: GpuProcesses, { pid, memoryMb }: ReportedProcess): boolean {
  return gpu.processes?.some((each) => each.pid === pid && each.memoryMb === memoryMb) ?? false
}

/** The memory of the processes of several parts of a card. A process that each part lists counts once. */
export function memoryOfProcesses(lists: readonly (readonly ReportedProcess[])[]): number {
  const largest = new Map<number, ReportedProcess>()
  for (const process of lists.flat()) {
    const before = largest.get(process.pid)
    if (before === undefined || (process.memoryMb ?? 0) > (before.memoryMb ?? 0))
      largest.set(process.pid, process)
  }
  return sumOf([...largest.values()])
}

function processIn(info: unknown, memoryMb: number | undefined): ReportedProcess | undefined {
  const pid = whole(at(info, 'pid'))
  if (pid === undefined) return undefined
  const name = textAt(info, ['name'])
  return { pid, ...(name === undefined ? {} : { name }), ...(memoryMb === undefined ? {} : { memoryMb }) }
}

function memoryIn(info: unknown, withGtt: boolean): number | undefined {
  const vramMb = megabytes(at(info, 'memory_usage', 'vram_mem'), 'B')
  const gttMb = withGtt ? megabytes(at(info, 'memory_usage', 'gtt_mem'), 'B') : undefined
  if (vramMb === undefined && gttMb === undefined) return megabytes(at(info, 'mem_usage'), 'B')
  // Without the larger part, a little VRAM does not show how much memory the process uses.
  if (withGtt && gttMb === undefined && (vramMb ?? 0) < WORKING_PROCESS_MB) return undefined
  return (vramMb ?? 0) + countedGtt(vramMb ?? 0, gttMb ?? 0)
}

/** Each process that opened the driver uses a few MB of host memory, on every GPU. */
function countedGtt(vramMb: number, gttMb: number): number {
  const isOverhead = gttMb < WORKING_PROCESS_MB && (vramMb === 0 || vramMb >= WORKING_PROCESS_MB)
  return isOverhead ? 0 : gttMb
}

function complaintIn(info: unknown): string | undefined {
  for (const path of MEMORY) {
    const value = at(info, ...path)
    const complaint = amountIn(value) === undefined ? complaintAt(info, path) : undefined
    if (complaint !== undefined) return complaint
  }
  return undefined
}

/** "N/A" or "no permission" in place of a process: there may be a process that could not be read. */
function isUnreadable(item: unknown): boolean {
  const info = at(item, 'process_info') ?? item
  if (typeof info !== 'string') return whole(at(info, 'pid')) === undefined
  return !NO_PROCESS.test(info.trim())
}
