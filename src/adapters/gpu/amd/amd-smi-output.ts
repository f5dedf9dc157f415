import { sumOf } from '../../../domain/observation/evidence.ts'
import { complaintInText, firstLine, isNoReading, withReadingName } from '../driver-text.ts'
import { areDistinct, measured, type ReportedGpu, type ReportedProcess } from '../reading.ts'
import { at, type Entry, gpuEntries, gpuOf, whole } from './amd-documents.ts'
import { memoryOfProcesses, onTheirGpus, processesIn } from './amd-processes.ts'
import { amountIn, complaintAt, megabytes, type Path, textAt } from './amd-values.ts'

/** The output of the commands that make one probe. */
export interface AmdSmiOutput {
  /** `amd-smi list --json`, with `-e` if the tool supports it. */
  readonly list: string
  /** `amd-smi static --asic --json` */
  readonly asic: string
  /** `amd-smi metric --mem-usage --usage --temperature --power --json` */
  readonly metric: string
  /** `amd-smi process --json`; absent if it failed. */
  readonly process?: string
  /** The entries of `amd-smi process --gpu N --json`, for the GPUs that were queried again. */
  readonly single?: ReadonlyMap<number, Entry>
}

/** A GPU by amd-smi's own number, with the values that matter for other GPUs too. */
interface AmdGpu {
  readonly gpu: number
  /** The same for all parts of one card (`cardOf`). */
  readonly card: string
  readonly usedMb: number | undefined
  readonly processes: readonly ReportedProcess[] | undefined
  readonly isPartial: boolean
  readonly reported: ReportedGpu
}

/** A card with this much memory in use has a process. If amd-smi lists none, it is queried again. */
const USED_MB = 1024
/** Slightly more than the host memory that the driver itself uses for an idle GPU. */
const OWN_GTT_MB = 100
/** Less memory than this does not count. */
const NEGLIGIBLE_MB = 64

/**
 * The GPUs in the order of their HIP index, the number in `HIP_VISIBLE_DEVICES`. On some machines amd-smi's own numbers
 * differ from it. The "MB" of amd-smi are MiB. Throws `driver-failed` for output of another form.
 */
export function parseAmdSmi(output: AmdSmiOutput): ReportedGpu[] {
  const gpus = onTheirGpus(amdGpus(output))
  return gpus.map((gpu) => withProcesses(gpu, gpus)).toSorted((a, b) => a.index - b.index)
}

/**
 * The GPUs, by amd-smi's own number, whose memory in use is not explained by the listed processes. On some machines
 * the list reports 0 bytes for a process, and `--gpu N` reports all of its memory.
 */
export function unexplainedGpus(output: AmdSmiOutput): number[] {
  const gpus = onTheirGpus(amdGpus(output))
  return gpus
    .filter(({ card, usedMb, isPartial, reported }) => {
      if (reported.state.kind === 'fault') return false
      const parts = gpus.filter((other) => other.card === card)
      if (memoryOfProcesses(parts.map((part) => part.processes ?? [])) >= NEGLIGIBLE_MB) return false
      return usedMb === undefined ? isPartial : usedMb >= USED_MB
    })
    .map(({ gpu }) => gpu)
}

/** The entry of one GPU in the output of `amd-smi process --gpu N --json`; undefined if it has none. */
export function singleEntry(stdout: string, gpu: number): Entry | undefined {
  return gpuEntries(stdout).find((entry) => gpuOf(entry) === gpu)
}

/** The message of `{ "error": …, "code": … }`, which the tool prints on failure. */
export function errorOf(output: string): string | undefined {
  const message = /"error"\s*:\s*"([^"]+)"/.exec(output)?.[1]
  return message === undefined ? undefined : firstLine(message)
}

function amdGpus(output: AmdSmiOutput): AmdGpu[] {
  const list = gpuEntries(output.list)
  const asics = byGpu(gpuEntries(output.asic))
  const metrics = byGpu(gpuEntries(output.metric))
  const processes = output.process === undefined ? new Map() : byGpu(gpuEntries(output.process))
  const hipIds = list.map((entry) => whole(entry.hip_id))
  const hasHipIds = !hipIds.includes(undefined) && areDistinct(hipIds)
  // Some versions report one UUID for all parts of a card.
  const hasUuids = areDistinct(list.map((entry) => textAt(entry, ['uuid'])))
  return list.map((entry, i) => {
    const gpu = gpuOf(entry)
    const [asic, metric, process] = [asics.get(gpu), metrics.get(gpu), processes.get(gpu)]
    const withGtt = isMostlyGtt(metric, process)
    const answer = processesIn(moreOf(process, output.single?.get(gpu), withGtt), withGtt)
    const complaint = complaintIn([entry, asic, process], metric) ?? answer.complaint
    const reported: ReportedGpu = {
      index: (hasHipIds ? hipIds[i] : undefined) ?? gpu,
      uuid: (hasUuids ? textAt(entry, ['uuid']) : undefined) ?? '',
      name: textAt(asic, ['asic', 'market_name']) ?? 'AMD GPU',
      state: complaint === undefined ? stateOf(metric, withGtt) : { kind: 'fault', reason: complaint },
    }
    const usedMb = reported.state.kind === 'fault' ? undefined : reported.state.memoryUsedMb
    return {
      gpu,
      card: cardOf(entry),
      usedMb,
      reported,
      processes: answer.processes,
      isPartial: answer.isPartial,
    }
  })
}

/** The answer for this GPU alone if it shows more memory than the answer for all GPUs. */
function moreOf(bulk: Entry | undefined, single: Entry | undefined, withGtt: boolean): Entry | undefined {
  if (single === undefined) return bulk
  const held = (entry: Entry | undefined) => memoryOfProcesses([processesIn(entry, withGtt).processes ?? []])
  return held(single) > held(bulk) ? single : bulk
}

const READINGS: readonly (readonly [name: string, path: Path])[] = [
  ['usage', ['usage', 'gfx_activity']],
  ['temperature', ['temperature', 'edge']],
  ['temperature', ['temperature', 'hotspot']],
  ['power', ['power', 'socket_power']],
  ['power', ['power', 'current_socket_power']],
]

/** Any complaint about a GPU, in any answer, is a fault of the GPU. */
function complaintIn(entries: readonly (Entry | undefined)[], metric: Entry | undefined): string | undefined {
  for (const entry of [...entries, metric]) {
    const error = textAt(entry, ['error'])
    if (error !== undefined) return error
  }
  const [list, asic] = entries
  const identity = complaintAt(asic, ['asic']) ?? complaintInText(String(at(list, 'uuid') ?? ''))
  const first = identity ?? memoryComplaint(metric)
  if (first !== undefined) return first
  for (const [name, path] of READINGS) {
    const complaint = complaintAt(metric, path)
    if (complaint !== undefined) return withReadingName(name, complaint)
  }
  return undefined
}

/** The memory must be a number or be reported as absent. Any other value is not understood. */
function memoryComplaint(metric: Entry | undefined): string | undefined {
  for (const path of [
    ['mem_usage', 'used_vram'],
    ['mem_usage', 'total_vram'],
  ] as const) {
    const complaint = complaintAt(metric, path)
    if (complaint !== undefined) return complaint
  }
  const group = at(metric, 'mem_usage')
  const used = typeof group === 'string' || group === null ? group : at(group, 'used_vram')
  const isMissing = used === null || (typeof used === 'string' && isNoReading(used))
  const isNumber = megabytes(used) !== undefined
  return isNumber || isMissing ? undefined : 'amd-smi does not report its memory use'
}

/**
 * Whether most of the GPU's memory is GTT, which is host memory. An APU has more GTT than VRAM. If the size of GTT is
 * unknown, processes that use more GTT than there is VRAM show the same.
 */
function isMostlyGtt(metric: Entry | undefined, process: Entry | undefined): boolean {
  const totalGttMb =
    megabytes(at(metric, 'mem_usage', 'total_gtt')) ?? sumOf(processesIn(process, true).processes ?? [])
  return totalGttMb > memory(metric, 'total_vram')
}

function stateOf(metric: Entry | undefined, withGtt: boolean) {
  const vramMb = megabytes(at(metric, 'mem_usage', 'used_vram'))
  const totalVramMb = megabytes(at(metric, 'mem_usage', 'total_vram'))
  const usedGttMb = withGtt ? memory(metric, 'used_gtt') : 0
  const gttMb = usedGttMb < OWN_GTT_MB ? 0 : usedGttMb
  // The size of GTT is known, but not how much of it is in use. Then only the processes or the VRAM show use.
  const isUnread = withGtt && isReported(metric, 'total_gtt') && !isReported(metric, 'used_gtt')
  const isKnown = vramMb !== undefined && (!isUnread || vramMb >= USED_MB)
  const usedMb = isKnown ? vramMb + gttMb : undefined
  // Users know the size of the VRAM, so it is the total unless more than that is in use.
  const isBeyondVram = usedMb !== undefined && totalVramMb !== undefined && usedMb > totalVramMb && gttMb > 0
  return measured({
    memoryUsedMb: usedMb,
    memoryTotalMb: isBeyondVram ? totalVramMb + memory(metric, 'total_gtt') : totalVramMb,
    utilizationPercent: amountIn(at(metric, 'usage', 'gfx_activity')),
    // Instinct has no edge sensor; Radeon reports the edge as its temperature.
    temperatureC:
      amountIn(at(metric, 'temperature', 'edge')) ?? amountIn(at(metric, 'temperature', 'hotspot')),
    powerW:
      amountIn(at(metric, 'power', 'socket_power')) ?? amountIn(at(metric, 'power', 'current_socket_power')),
  })
}

const isReported = (metric: Entry | undefined, key: string): boolean =>
  megabytes(at(metric, 'mem_usage', key)) !== undefined

const memory = (metric: Entry | undefined, key: string): number =>
  megabytes(at(metric, 'mem_usage', key)) ?? 0

/**
 * The GPU with its processes. For a partitioned card (CPX, DPX), amd-smi may report the memory of the whole card, under
 * each part or only under the first one. Then each part is judged by its own processes.
 */
function withProcesses({ card, processes, reported }: AmdGpu, gpus: readonly AmdGpu[]): ReportedGpu {
  const { state } = reported
  if (state.kind === 'fault' || processes === undefined) return reported
  const cardMb = sharedMemory(gpus.filter((other) => other.card === card))
  if (cardMb === undefined) return { ...reported, state: { ...state, processes } }
  const { memoryUsedMb: _, ...others } = state
  const lists = gpus.filter((other) => other.card === card).map((part) => part.processes ?? [])
  const unexplainedMb = Math.max(0, cardMb - memoryOfProcesses(lists))
  return { ...reported, state: { ...others, processes, card: { id: card, unexplainedMb } } }
}

/** The memory in use on a card whose parts all report the same amount; undefined if each part reports its own. */
function sharedMemory(parts: readonly AmdGpu[]): number | undefined {
  const used = parts.flatMap(({ usedMb }) => usedMb ?? [])
  const totals = parts.flatMap(({ reported: { state } }) =>
    state.kind === 'measured' ? (state.memoryTotalMb ?? []) : [],
  )
  const [most, least] = [Math.max(...used), Math.min(...used)]
  const isShared = parts.length > 1 && used.length > 0 && new Set(totals).size <= 1
  // Equal values may differ slightly, because amd-smi reads them one after the other.
  return isShared && most - least <= Math.max(NEGLIGIBLE_MB, most / 100) ? most : undefined
}

/** The same for all parts of one card: they share a bus address or a UUID. */
function cardOf(entry: Entry): string {
  const place = textAt(entry, ['bdf'])?.replace(/\.\w+$/, '')
  return place ?? textAt(entry, ['uuid']) ?? `GPU ${gpuOf(entry)}`
}

function byGpu(list: readonly Entry[]): Map<number, Entry> {
  return new Map(list.map((entry) => [gpuOf(entry), entry]))
}
