import { type NvmlAnswer, STANDARD_LIBRARY } from './nvml-answer.ts'
import { NvmlFailure, NvmlLibrary } from './nvml-library.ts'
import { measured, oncePerPid, type ReportedGpu, type ReportedProcess } from './reading.ts'

/**
 * What `canhazgpu __probe nvml [library]` does: looks at all GPUs once and prints one JSON line. It runs in
 * a process of its own because an NVML call may crash, or block inside the kernel for ever.
 */
export async function nvmlProbeMain(library: string = process.argv[4] ?? STANDARD_LIBRARY): Promise<void> {
  // The leading line break parts our line from whatever the library may have printed.
  await Bun.write(Bun.stdout, `\n${JSON.stringify(probe(library))}\n`)
}

function probe(path: string): NvmlAnswer {
  let nvml: NvmlLibrary
  try {
    nvml = new NvmlLibrary(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    // ld.so(8) names the file it looked for first; another name is a library that NVML itself needs.
    const missing = reason.startsWith(`${path}: cannot open shared object file: No such file`)
    return { kind: missing ? 'missing' : 'failed', reason }
  }
  try {
    nvml.init()
    const gpus = Array.from({ length: nvml.deviceCount() }, (_, index) => readGpu(nvml, index))
    // Without nvmlShutdown: it may block like any other call, and the process ends anyway.
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
    uuid = optional(() => nvml.uuid(device)) ?? uuid
    name = optional(() => nvml.name(device)) || name
    const { usedMb, totalMb } = nvml.memory(device)
    const readings = {
      memoryTotalMb: totalMb,
      utilizationPercent: optional(() => nvml.utilizationPercent(device)),
      temperatureC: optional(() => nvml.temperatureC(device)),
      powerW: optional(() => nvml.powerW(device)),
      // Only said where it is so: it is the exception, and no reading of a GPU that cannot do it.
      mig: optional(() => nvml.migEnabled(device)) || undefined,
    }
    const compute = oncePerPid(optional(() => nvml.processes(device, 'Compute')) ?? [])
    const graphics = oncePerPid(optional(() => nvml.processes(device, 'Graphics')) ?? [])
    return { index, uuid, name, state: measured(usedMb, readings, union(compute, graphics)) }
  } catch (error) {
    if (error instanceof NvmlFailure)
      return { index, uuid, name, state: { kind: 'fault', reason: error.message } }
    throw error
  }
}

/** A process that computes and draws is in both lists, each time with all of its memory. */
function union(one: readonly ReportedProcess[], other: readonly ReportedProcess[]): ReportedProcess[] {
  const pids = new Set(one.map((process) => process.pid))
  return [...one, ...other.filter((process) => !pids.has(process.pid))]
}

/** Undefined where the driver does not tell; only the loss of the GPU itself is worth more than that. */
function optional<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof NvmlFailure && !error.gpuIsGone) return undefined
    throw error
  }
}
