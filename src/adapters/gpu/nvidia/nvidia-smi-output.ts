import { notUnderstood } from '../driver-errors.ts'
import {
  complaintInMemory,
  complaintInNumber,
  complaintInText,
  complaintUnless,
  firstLine,
  isNoReading,
  withReadingName,
} from '../driver-text.ts'
import { areDistinct, measured, oncePerPid, type ReportedGpu, type ReportedProcess } from '../reading.ts'

/**
 * The fields of the query (`nvidia-smi --help-query-gpu`). The name is last because only it may contain a comma. Drivers
 * before R450 lack the MIG mode, and drivers before about R570 lack the recovery action. Every driver has
 * `MINIMAL_GPU_FIELDS`.
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
  'gpu_recovery_action',
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

export type GpuField = (typeof GPU_FIELDS)[number]

/** The processes and the complaints in place of processes, by the GPU's UUID. */
export interface Apps {
  readonly processes: ReadonlyMap<string, readonly ReportedProcess[]>
  readonly complaints: ReadonlyMap<string, string>
  /** False if the driver reports that it cannot list processes. */
  readonly answered: boolean
}

/** A GPU for which the driver reports only a complaint. */
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
/** The last field is a name, and may be cut off. */
const LONGEST_LINE = 4_096

/** The fields without the one that the driver rejects in this text; undefined if it rejects none. */
export function knownFields(text: string, fields: readonly GpuField[]): readonly GpuField[] | undefined {
  const [rejection, name] =
    /Field "([^"]*)" is not a valid field to query|is not a valid field to query/.exec(text) ?? []
  if (rejection === undefined) return undefined
  const rest = fields.filter((field) => field !== name)
  const isOptional = rest.length < fields.length && MINIMAL_GPU_FIELDS.every((field) => rest.includes(field))
  return isOptional ? rest : MINIMAL_GPU_FIELDS
}

/**
 * The GPUs of `--query-gpu=… --format=csv,noheader,nounits`, including those with only a complaint, sorted by index.
 * Empty if there are no rows. Throws `driver-failed` for anything else: partly understood output never makes a GPU
 * idle.
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
  // If two answers differ, neither can be trusted.
  if (!areDistinct(gpus.map((gpu) => gpu.index)) || !areDistinct(uuids)) {
    throw notUnderstood(PROGRAM, 'the same GPU twice')
  }
  return [...gpus, ...placed(lost, rows)].toSorted((a, b) => a.index - b.index)
}

/**
 * The processes of `--query-compute-apps=…`. A row of a MIG instance goes to the UUID in `migParents`. Throws
 * `driver-failed` for output of another form.
 */
export function parseApps(stdout: string, migParents: ReadonlyMap<string, string>): Apps {
  const byGpu = new Map<string, ReportedProcess[]>()
  const complaints = new Map<string, string>()
  let answered = true
  for (const line of lines(stdout)) {
    if (/^no running /i.test(line) || parseComplaint(line) !== undefined || isRemark(line)) continue
    const [uuid = '', pid = '', memory = '', name = ''] = split(line, APP_FIELDS.length)
    if (line.startsWith('[')) {
      // A lost GPU has its complaint in place of the UUID. A Jetson has "[Not Supported]" for the whole list, and a
      // container "[Insufficient Permissions]". The row names no GPU, so every GPU may have processes without a row.
      answered = false
      continue
    }
    if (!/^(GPU|MIG)-/.test(uuid)) throw notUnderstood(PROGRAM, line)
    const gpu = parentOf(uuid, migParents)
    // The name is not checked, because the process chooses it.
    const complaint = complaintInText(pid) ?? complaintInNumber(memory)
    if (complaint !== undefined) {
      complaints.set(gpu, withReadingName('processes', complaint))
      continue
    }
    if (!/^\d{1,10}$/.test(pid)) throw notUnderstood(PROGRAM, line)
    const memoryMb = amount(memory)
    const process = {
      pid: Number(pid),
      ...(isUnnamed(name) ? {} : { name }),
      ...(memoryMb === undefined ? {} : { memoryMb }),
    }
    const others = byGpu.get(gpu)
    if (others === undefined) byGpu.set(gpu, [process])
    else others.push(process)
  }
  const processes = new Map([...byGpu].map(([gpu, list]) => [gpu, oncePerPid(list)]))
  return { processes, complaints, answered }
}

/** Only the process rows of a query that failed later. */
export function rowsOfApps(stdout: string): string {
  const rows = stdout.split('\n').filter((line) => /^[ \t]*(GPU|MIG)-[^,]*,[ \t]*\d{1,10}[ \t]*,/.test(line))
  return rows.join('\n')
}

/** Whether the list has MIG instances whose names do not include their GPU. */
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

/** Before R470 the name of an instance is MIG-<UUID of the GPU>/<GPU instance>/<compute instance>. */
function parentOf(uuid: string, migParents: ReadonlyMap<string, string>): string {
  return migParents.get(uuid) ?? /^MIG-(GPU-[^/]+)/.exec(uuid)?.[1] ?? uuid
}

type Values = Readonly<Partial<Record<GpuField, string>>>

function addRow(values: Values, rows: Row[], lost: LostGpu[]): void {
  const { index = '', uuid = '', name = '', 'pci.bus_id': busId = '' } = values
  if (index.startsWith('[')) {
    lost.push({ busId, reason: complaintInText(index) ?? 'the driver cannot reach it' })
    return
  }
  const reason = complaintIn(values)
  const gpu = {
    index: Number(index),
    uuid: uuid.startsWith('GPU-') ? uuid : '',
    name: isNoReading(name) || complaintInText(name) !== undefined ? 'NVIDIA GPU' : name,
  }
  const state = reason === undefined ? measured(readingsOf(values)) : { kind: 'fault' as const, reason }
  rows.push({ busId, gpu: { ...gpu, state } })
}

/** A complaint in any column is a fault of the GPU: a GPU that needs a reset may show it in only one of them. */
function complaintIn(values: Values): string | undefined {
  for (const field of ['memory.used', 'memory.total'] as const) {
    const complaint = complaintInMemory(values[field] ?? '')
    if (complaint !== undefined) return complaint
  }
  for (const [field, value] of Object.entries(values)) {
    const complaint = complaintInField(field as GpuField, value)
    if (complaint !== undefined && field !== 'gpu_recovery_action') return withReadingName(field, complaint)
  }
  const action = values.gpu_recovery_action ?? ''
  return isNoReading(action) || /^none$/i.test(action) ? undefined : `needs recovery: ${firstLine(action)}`
}

function complaintInField(field: GpuField, value: string): string | undefined {
  switch (field) {
    case 'uuid':
      return complaintUnless(/^GPU-/, value)
    case 'mig.mode.current':
      return complaintUnless(/^(enabled|disabled)$/i, value)
    case 'index':
    case 'pci.bus_id':
    case 'name':
      return complaintInText(value)
    default:
      return complaintInNumber(value)
  }
}

function readingsOf(values: Values) {
  return {
    memoryUsedMb: amount(values['memory.used']),
    memoryTotalMb: amount(values['memory.total']),
    utilizationPercent: amount(values['utilization.gpu']),
    temperatureC: amount(values['temperature.gpu']),
    powerW: amount(values['power.draw']),
    mig: values['mig.mode.current'] === 'Enabled' || undefined,
  }
}

function parseRow(line: string, queried: readonly GpuField[]): Values {
  const values = split(line, queried.length)
  // A replacement for the real program may not print the recovery action.
  const fields =
    values.length < queried.length ? queried.filter((field) => field !== 'gpu_recovery_action') : queried
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
  const message = /^Unable to determine the device handle for GPU\s*(.*)$/i.exec(line)?.[1]
  if (message === undefined) return undefined
  const busId = /(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]/i.exec(message)?.[0] ?? ''
  const index = /^(\d{1,3})\s*:(?=\s)/.exec(message)?.[1]
  const reason = reasonIn(/:\s+([^:]+)$/.exec(message)?.[1] ?? message)
  return { busId, reason, ...(index === undefined ? {} : { index: Number(index) }) }
}

/**
 * Gives each lost GPU an index: the one in the driver's message, otherwise the next free one, in the order of the bus
 * addresses. Some drivers do not count lost GPUs. Then the lost GPUs come after the others.
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

/** The domain, at the start of the address, has four or eight digits. */
function compareBusIds(a: string, b: string): number {
  const full = (busId: string) => busId.toUpperCase().padStart(16, '0')
  return full(a) < full(b) ? -1 : 1
}

function reasonIn(message: string): string {
  return firstLine(message) || 'the driver cannot reach it'
}

/** "WARNING: infoROM is corrupted at gpu 0000:3B:00.0" comes with a complete answer. */
function isRemark(line: string): boolean {
  return /^warning:/i.test(line)
}

function isUnnamed(name: string): boolean {
  return isNoReading(name) || /^\[(not found|insufficient permissions)\]$/i.test(name)
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

/** At most `count` values; the last one keeps its commas. */
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
