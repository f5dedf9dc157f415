import { withReadingName } from '../driver-text.ts'
import { measured, oncePerPid, type ReportedGpu, type ReportedProcess } from '../reading.ts'
import { type NvmlAnswer, STANDARD_LIBRARY } from './nvml-answer.ts'
import { type Device, type DeviceMemory, NvmlFailure, NvmlLibrary } from './nvml-library.ts'

/**
 * The command `canhazgpu __probe nvml [library]`: reads all GPUs once and prints one JSON line. It runs in its own
 * process because an NVML call may crash, or block inside the kernel for ever.
 */
export async function nvmlProbeMain(library: string = process.argv[4] ?? STANDARD_LIBRARY): Promise<void> {
  // The leading line break separates this line from anything that the library printed.
  await Bun.write(Bun.stdout, `\n${JSON.stringify(probe(library))}\n`)
}

function probe(path: string): NvmlAnswer {
  const nvml = openLibrary(path)
  return nvml instanceof NvmlLibrary ? readGpus(nvml) : nvml
}

/** The library, or an answer with the reason why it cannot be used. */
export function openLibrary(path: string): NvmlLibrary | NvmlAnswer {
  try {
    const nvml = new NvmlLibrary(path)
    nvml.init()
    return nvml
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    // ld.so(8) names the requested file first. Another name is a library that NVML itself needs.
    const missing = reason.startsWith(`${path}: cannot open shared object file: No such file`)
    return { kind: missing ? 'missing' : 'failed', reason }
  }
}

export function readGpus(nvml: NvmlLibrary): NvmlAnswer {
  try {
    const gpus = Array.from({ length: nvml.deviceCount() }, (_, index) => readGpu(nvml, index))
    // nvmlShutdown is not called: it may block like any other call, and the process exits anyway.
    return { kind: 'gpus', gpus }
  } catch (error) {
    if (error instanceof NvmlFailure) return { kind: 'failed', reason: error.message }
    throw error
  }
}

function readGpu(nvml: NvmlLibrary, index: number): ReportedGpu {
  let uuid = ''
  let name = 'NVIDIA GPU'
  try {
    const device = nvml.device(index)
    uuid = reading('uuid', () => nvml.uuid(device)) ?? uuid
    name = reading('name', () => nvml.name(device)) || name
    const action = reading('recovery action', () => nvml.recoveryAction(device))
    if (action !== undefined) return { index, uuid, name, state: fault(`needs recovery: ${action}`) }
    const memory = memoryOf(nvml, device)
    const state = measured({
      memoryUsedMb: memory?.usedMb,
      memoryTotalMb: memory?.totalMb,
      utilizationPercent: reading('utilization', () => nvml.utilizationPercent(device)),
      temperatureC: reading('temperature', () => nvml.temperatureC(device)),
      powerW: reading('power', () => nvml.powerW(device)),
      // Set only if true: a GPU without MIG has no such reading.
      mig: reading('MIG mode', () => nvml.migEnabled(device)) || undefined,
      processes: processesOf(nvml, device),
    })
    return { index, uuid, name, state }
  } catch (error) {
    if (error instanceof NvmlFailure) return { index, uuid, name, state: fault(error.message) }
    throw error
  }
}

const fault = (reason: string) => ({ kind: 'fault' as const, reason })

/**
 * Undefined if this card has no memory of its own. Memory that the caller may not read is a fault: it may be in use.
 */
function memoryOf(nvml: NvmlLibrary, device: Device): DeviceMemory | undefined {
  try {
    return nvml.memory(device)
  } catch (error) {
    if (error instanceof NvmlFailure && error.isUnsupported) return undefined
    throw error
  }
}

/** Undefined if the driver does not report the compute processes of this GPU. */
function processesOf(nvml: NvmlLibrary, device: Device): readonly ReportedProcess[] | undefined {
  const compute = reading('processes', () => oncePerPid(nvml.processes(device, 'Compute')))
  if (compute === undefined) return undefined
  const list = (kind: 'MPSCompute' | 'Graphics') =>
    oncePerPid(reading('processes', () => nvml.processes(device, kind)) ?? [])
  // The programs that compute through an MPS server, which is itself in the list above.
  const clients = compute.length === 0 ? [] : list('MPSCompute')
  const graphics = list('Graphics').map((process) => ({ ...process, graphics: true as const }))
  return union(union(compute, clients), graphics)
}

/** A process that computes and draws is in both lists with all of its memory. It counts once. */
function union(one: readonly ReportedProcess[], other: readonly ReportedProcess[]): ReportedProcess[] {
  const pids = new Set(one.map((process) => process.pid))
  return [...one, ...other.filter((process) => !pids.has(process.pid))]
}

/** Undefined if the GPU does not have this reading. Any other failure is a fault of the GPU. */
function reading<T>(name: string, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof NvmlFailure)) throw error
    if (error.isNoReading) return undefined
    throw new NvmlFailure(error.code, withReadingName(name, error.message))
  }
}
