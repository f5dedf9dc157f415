import { firstLine, notUnderstood } from './driver-words.ts'
import { areDistinct, measured, oncePerPid, type ReportedGpu, type ReportedProcess } from './reading.ts'

/**
 * The fields asked for (`nvidia-smi --help-query-gpu`), the name last: it alone might hold a comma.
 * Drivers before R450 do not know MIG; what every driver knows is in `MINIMAL_GPU_FIELDS`.
 */
export const GPU_FIELDS = [
  'index',
  'pci.bus_id',
  'uuid',
  'memory.used',
  'memory.total',
  'utilization.gpu',
  'temperature.gpu',
  'power.draw',
  'mig.mode.current',
  'name',
] as const
export const MINIMAL_GPU_FIELDS = [
  'index',
  'pci.bus_id',
  'uuid',
  'memory.used',
  'memory.total',
  'name',
] as const
export const APP_FIELDS = ['gpu_uuid', 'pid', 'used_memory', 'process_name'] as const

type GpuField = (typeof GPU_FIELDS)[number]

/** A GPU the driver only complains of. */
interface LostGpu {
  readonly index?: number
  readonly busId: string
  readonly reason: string
}

interface Row {
  readonly busId: string
  readonly gpu: ReportedGpu
}

const PROGRAM = 'nvidia-smi'
/** What comes last is a name, and may be cut off. */
const LONGEST_LINE = 4_096

/** What a driver says that does not know a field. */
export function isUnknownField(text: string): boolean {
  return /is not a valid field to query/.test(text)
}

/**
 * The GPUs of `--query-gpu=… --format=csv,noheader,nounits`, those that the driver only complains of
 * included, sorted by index. Empty where there are no rows. Throws `driver-failed` for anything else: half
 * understood output never makes an idle GPU.
 */
export function parseGpus(stdout: string, fields: readonly GpuField[]): ReportedGpu[] {
  const rows: Row[] = []
  const lost: LostGpu[] = []
  for (const line of lines(stdout)) {
    const complaint = parseComplaint(line)
    if (complaint !== undefined) lost.push(complaint)
    else if (!isRemark(line)) addRow(parseRow(line, fields), rows, lost)
  }
  const gpus = rows.map((row) => row.gpu)
  const uuids = gpus.map((gpu) => gpu.uuid).filter((uuid) => uuid !== '')
  // Which of two is true nobody can say.
  if (!areDistinct(gpus.map((gpu) => gpu.index)) || !areDistinct(uuids)) {
    throw notUnderstood(PROGRAM, 'the same GPU twice')
  }
  return [...gpus, ...placed(lost, rows)].toSorted((a, b) => a.index - b.index)
}

/**
 * The processes of `--query-compute-apps=…`, by the GPU's UUID. A row of a MIG instance is under the UUID
 * that `migParents` has for the instance. Throws `driver-failed` for what is no such list.
 */
export function parseApps(
  stdout: string,
  migParents: ReadonlyMap<string, string>,
): Map<string, ReportedProcess[]> {
  const byGpu = new Map<string, ReportedProcess[]>()
  for (const line of lines(stdout)) {
    // Rows of a lost GPU carry its complaint in place of the UUID; "No running processes found".
    if (/^(\[|no running )/i.test(line) || parseComplaint(line) !== undefined || isRemark(line)) continue
    const [uuid = '', pid = '', memory = '', name = ''] = split(line, APP_FIELDS.length)
    if (!/^(GPU|MIG)-/.test(uuid) || !/^\d{1,10}$/.test(pid)) throw notUnderstood(PROGRAM, line)
    const gpu = parentOf(uuid, migParents)
    const memoryMb = amount(memory)
    const process = {
      pid: Number(pid),
      ...(isMissing(name) ? {} : { name }),
      ...(memoryMb === undefined ? {} : { memoryMb }),
    }
    const others = byGpu.get(gpu)
    if (others === undefined) byGpu.set(gpu, [process])
    else others.push(process)
  }
  for (const [gpu, processes] of byGpu) byGpu.set(gpu, oncePerPid(processes))
  return byGpu
}

/** Whether the list has MIG instances whose GPU their name does not tell. */
export function hasMigInstances(apps: string): boolean {
  return /^[ \t]*MIG-(?!GPU-)/m.test(apps)
}

/** The GPU of each MIG instance, from `nvidia-smi -L`. */
export function parseMigParents(list: string): Map<string, string> {
  const parents = new Map<string, string>()
  let gpu = ''
  for (const [, uuid = ''] of list.matchAll(/\(UUID:[ \t]*([^()\s]+)[ \t]*\)/g)) {
    if (uuid.startsWith('MIG-')) parents.set(uuid, gpu)
    else gpu = uuid
  }
  return parents
}

/** Before R470 an instance is called MIG-<UUID of the GPU>/<GPU instance>/<compute instance>. */
function parentOf(uuid: string, migParents: ReadonlyMap<string, string>): string {
  return migParents.get(uuid) ?? /^MIG-(GPU-[^/]+)/.exec(uuid)?.[1] ?? uuid
}

function addRow(values: Readonly<Partial<Record<GpuField, string>>>, rows: Row[], lost: LostGpu[]): void {
  const { index = '', uuid = '', name = '', 'pci.bus_id': busId = '' } = values
  const complaint = values['memory.used'] ?? ''
  if (/^\[.*\]$/.test(index)) {
    lost.push({ busId, reason: reasonIn(unbracketed(index)) })
    return
  }
  const memoryUsedMb = amount(complaint)
  const gpu = {
    index: Number(index),
    uuid: uuid.startsWith('GPU-') ? uuid : '',
    name: isMissing(name) ? 'NVIDIA GPU' : name,
  }
  const state =
    memoryUsedMb === undefined
      ? { kind: 'fault' as const, reason: reasonFor(complaint) }
      : measured(memoryUsedMb, readingsOf(values), [])
  rows.push({ busId, gpu: { ...gpu, state } })
}

function readingsOf(values: Readonly<Partial<Record<GpuField, string>>>) {
  return {
    memoryTotalMb: amount(values['memory.total']),
    utilizationPercent: amount(values['utilization.gpu']),
    temperatureC: amount(values['temperature.gpu']),
    powerW: amount(values['power.draw']),
    mig: values['mig.mode.current'] === 'Enabled' || undefined,
  }
}

function parseRow(line: string, fields: readonly GpuField[]): Partial<Record<GpuField, string>> {
  const values = split(line, fields.length)
  const [index = ''] = values
  if (values.length !== fields.length || !/^(\d{1,4}|\[[^\]]+\])$/.test(index))
    throw notUnderstood(PROGRAM, line)
  return Object.fromEntries(fields.map((field, i) => [field, values[i] ?? '']))
}

/**
 * "Unable to determine the device handle for GPU0000:3B:00.0: GPU is lost.  Reboot the system to recover
 * this GPU"; older drivers put a space before the address, newer ones the index ("GPU1: 0000:3B:00.0: …").
 */
function parseComplaint(line: string): LostGpu | undefined {
  const said = /^Unable to determine the device handle for GPU\s*(.*)$/i.exec(line)?.[1]
  if (said === undefined) return undefined
  const busId = /(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]/i.exec(said)?.[0] ?? ''
  const index = /^(\d{1,3})\s*:(?=\s)/.exec(said)?.[1]
  const reason = reasonIn(/:\s+([^:]+)$/.exec(said)?.[1] ?? said)
  return { busId, reason, ...(index === undefined ? {} : { index: Number(index) }) }
}

/**
 * Gives lost GPUs their index: the one the driver names; else, in bus order, those that the others leave
 * free. Drivers differ in whether they count a lost GPU; where they do not, it comes after the others.
 */
function placed(lost: readonly LostGpu[], rows: readonly Row[]): ReportedGpu[] {
  const taken = new Set([...rows.map((row) => row.gpu.index), ...lost.map((gpu) => gpu.index ?? -1)])
  const free = Array.from({ length: rows.length + lost.length }, (_, index) => index).filter(
    (i) => !taken.has(i),
  )
  return lost
    .toSorted((a, b) => compareBusIds(a.busId, b.busId))
    .map(({ index = free.shift() ?? -1, reason }) => ({
      index,
      uuid: '',
      name: 'NVIDIA GPU',
      state: { kind: 'fault', reason },
    }))
}

/** The domain has four digits or eight. */
function compareBusIds(a: string, b: string): number {
  const full = (busId: string) => busId.toUpperCase().padStart(16, '0')
  return full(a) < full(b) ? -1 : 1
}

function reasonFor(memory: string): string {
  if (isMissing(memory)) return 'the driver does not report its memory use'
  return reasonIn(unbracketed(memory))
}

function reasonIn(said: string): string {
  return firstLine(said) || 'the driver cannot reach it'
}

/** "WARNING: infoROM is corrupted at gpu 0000:3B:00.0" comes with a full answer. */
function isRemark(line: string): boolean {
  return /^warning:/i.test(line)
}

function isMissing(value: string): boolean {
  return value === '' || /^\[?(n\/a|not supported|not found|insufficient permissions)\]?$/i.test(value)
}

function unbracketed(value: string): string {
  return value.replace(/^\[(.*)\]$/, '$1')
}

function amount(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,12}(\.\d{1,6})?$/.test(value) ? Number(value) : undefined
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.slice(0, LONGEST_LINE).trim())
    .filter((line) => line !== '')
}

/** At most `count` values; the last keeps its commas. */
function split(line: string, count: number): string[] {
  const values = line.split(',').map((value) => value.trim())
  if (values.length <= count) return values
  return [
    ...values.slice(0, count - 1),
    line
      .split(',')
      .slice(count - 1)
      .join(',')
      .trim(),
  ]
}
