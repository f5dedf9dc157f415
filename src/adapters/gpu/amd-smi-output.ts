import { driverFailed, firstLine, notUnderstood } from './driver-words.ts'
import { areDistinct, measured, oncePerPid, type ReportedGpu, type ReportedProcess } from './reading.ts'

/** The output of the four commands that make one probe. */
export interface AmdSmiOutput {
  /** `amd-smi list --json`, with `-e` where the tool knows it. */
  readonly list: string
  /** `amd-smi static --asic --json` */
  readonly asic: string
  /** `amd-smi metric --mem-usage --usage --temperature --power --json` */
  readonly metric: string
  /** `amd-smi process --json` */
  readonly process: string
}

type Entry = Readonly<Record<string, unknown>>

const PROGRAM = 'amd-smi'

/**
 * The GPUs by their HIP index, which is what `HIP_VISIBLE_DEVICES` counts; amd-smi's own numbers differ from
 * it on some machines. Reads the bare array of ROCm 6 and the `gpu_data` object of ROCm 7. Throws
 * `driver-failed` for anything else. Values are `{ "value": 283, "unit": "MB" }`, plain numbers or "N/A";
 * its "MB" are MiB.
 */
export function parseAmdSmi(output: AmdSmiOutput): ReportedGpu[] {
  const list = entries(output.list)
  const asics = byGpu(entries(output.asic))
  const metrics = byGpu(entries(output.metric))
  const processes = byGpu(entries(output.process))
  const hipIds = list.map((entry) => whole(entry.hip_id))
  const hasHipIds = !hipIds.includes(undefined) && areDistinct(hipIds)
  // Some tools give the parts of one card the same.
  const hasUuids = areDistinct(list.map((entry) => text(entry.uuid)))
  return list
    .map((entry, i) => {
      const gpu = gpuOf(entry)
      const { state } = stateOf(metrics.get(gpu), processes.get(gpu))
      return {
        index: (hasHipIds ? hipIds[i] : undefined) ?? gpu,
        uuid: (hasUuids ? text(entry.uuid) : undefined) ?? '',
        name: text(at(asics.get(gpu), 'asic', 'market_name')) ?? 'AMD GPU',
        state,
      }
    })
    .toSorted((a, b) => a.index - b.index)
}

/** What `{ "error": …, "code": … }` says, which the tool prints where it fails. */
export function errorOf(output: string): string | undefined {
  const said = /"error"\s*:\s*"([^"]+)"/.exec(output)?.[1]
  return said === undefined ? undefined : firstLine(said)
}

function stateOf(metric: Entry | undefined, processes: Entry | undefined): Pick<ReportedGpu, 'state'> {
  const memoryUsedMb = megabytes(at(metric, 'mem_usage', 'used_vram'))
  if (memoryUsedMb === undefined) {
    const said = text(metric?.mem_usage) ?? text(metric?.error)
    return { state: { kind: 'fault', reason: said ?? 'amd-smi does not report its memory use' } }
  }
  const readings = {
    memoryTotalMb: megabytes(at(metric, 'mem_usage', 'total_vram')),
    utilizationPercent: amount(at(metric, 'usage', 'gfx_activity')),
    // Instinct has no edge sensor, Radeon calls the edge its temperature.
    temperatureC: amount(at(metric, 'temperature', 'edge')) ?? amount(at(metric, 'temperature', 'hotspot')),
    powerW:
      amount(at(metric, 'power', 'socket_power')) ?? amount(at(metric, 'power', 'current_socket_power')),
  }
  return { state: measured(memoryUsedMb, readings, processesOf(processes)) }
}

function processesOf(entry: Entry | undefined): ReportedProcess[] {
  const list = Array.isArray(entry?.process_list) ? entry.process_list : []
  const processes = list.flatMap((item): ReportedProcess[] => {
    // A GPU without processes has the one "No running processes detected".
    const info = at(item, 'process_info')
    const pid = whole(at(info, 'pid'))
    if (pid === undefined) return []
    const name = text(at(info, 'name'))
    const memoryMb = megabytes(at(info, 'memory_usage', 'vram_mem'), 'B')
    // The kernel lists each process that opened the driver under every GPU; these do not use this one.
    if (memoryMb === 0) return []
    return [{ pid, ...(name === undefined ? {} : { name }), ...(memoryMb === undefined ? {} : { memoryMb }) }]
  })
  return oncePerPid(processes)
}

function entries(output: string): Entry[] {
  const json = parseJson(output)
  const error = text(at(json, 'error'))
  if (error !== undefined) throw driverFailed(PROGRAM, error)
  const list = Array.isArray(json) ? json : at(json, 'gpu_data')
  if (!Array.isArray(list) || !list.every(isGpuEntry)) throw notUnderstood(PROGRAM, output)
  // Which of two is true nobody can say.
  if (!areDistinct(list.map(gpuOf))) throw notUnderstood(PROGRAM, 'the same GPU twice')
  return list
}

/** Warnings, as of missing groups, come before the document on the same channel. */
function parseJson(output: string): unknown {
  const start = output.search(/^[ \t]*[[{]/m)
  try {
    return JSON.parse(output.slice(Math.max(start, 0)))
  } catch {
    throw notUnderstood(PROGRAM, output)
  }
}

function isGpuEntry(value: unknown): value is Entry {
  return whole(at(value, 'gpu')) !== undefined
}

function byGpu(list: readonly Entry[]): Map<number, Entry> {
  return new Map(list.map((entry) => [gpuOf(entry), entry]))
}

function gpuOf(entry: Entry): number {
  return whole(entry.gpu) ?? -1
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined
    current = (current as Entry)[key]
  }
  return current
}

function text(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === 'N/A') return undefined
  return firstLine(value) || undefined
}

function whole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

function amount(value: unknown): number | undefined {
  const number = typeof value === 'object' ? at(value, 'value') : value
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : undefined
}

const MIB: Readonly<Record<string, number>> = { B: 1 / 1024 ** 2, KB: 1 / 1024, MB: 1, GB: 1024 }

function megabytes(value: unknown, unit = 'MB'): number | undefined {
  const number = amount(value)
  const factor = MIB[text(at(value, 'unit')) ?? unit]
  const whole = Math.floor((number ?? Number.NaN) * (factor ?? Number.NaN))
  return Number.isSafeInteger(whole) ? whole : undefined
}
