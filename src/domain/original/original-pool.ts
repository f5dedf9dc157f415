import { CanhazgpuError } from '../errors.ts'
import type { Millis, ProviderChoice } from '../pool/model.ts'
import { printable, shortened } from '../text/text.ts'

/**
 * What Redis stores for the original canhazgpu (github.com/russellb/canhazgpu). Every local user can write to that
 * Redis, so nothing in it is trusted.
 */
export interface OriginalTexts {
  readonly provider: string | null
  /** The state of each GPU, in the order of their numbers; null: never used. */
  readonly gpus: readonly (string | null)[]
  /** The requests in its queue; null: it has none of that name. */
  readonly queue: readonly (string | null)[]
  readonly history: readonly string[]
}

export interface OriginalPool {
  readonly provider: ProviderChoice
  /** In the order of their numbers. */
  readonly gpus: readonly OriginalGpu[]
  readonly records: readonly OriginalRecord[]
  /** Number of usage records that cannot be read. */
  readonly unreadable: number
  /** The last heartbeat of each request in its queue. */
  readonly waiting: readonly Millis[]
}

export interface OriginalGpu {
  readonly held?: OriginalHold
  readonly lastReleased?: Millis
}

export interface OriginalHold {
  readonly user: string
  /** The name of the account; `user` may be another name that the user chose. */
  readonly account: string
  readonly kind: OriginalKind
  /** The same for all GPUs of one command: what it wrote to all of them last, with the nanoseconds. */
  readonly mark: string
  readonly startedAt: Millis
  /** Of a manual reservation. */
  readonly expiresAt?: Millis
  /** Of a run. */
  readonly heartbeatAt?: Millis
  readonly note?: string
}

export interface OriginalRecord {
  readonly user: string
  readonly gpu: number
  readonly kind: OriginalKind
  /** The same for all GPUs that one command held. */
  readonly mark: string
  readonly startedAt: Millis
  readonly endedAt: Millis
}

export type OriginalKind = 'run' | 'manual'

const MOST_GPUS = 1024
const LONGEST_NAME = 64
const LONGEST_NOTE = 200
/** The year 2200. The year 1 stands for no time in data of a Go program. */
const LATEST: Millis = 7_258_118_400_000

/** The number of GPUs. Throws `usage` if the text is none. */
export function originalGpuCount(text: string | null): number {
  if (text === null) {
    throw new CanhazgpuError(
      'usage',
      'No pool of the original canhazgpu there: canhazgpu:gpu_count is missing',
      {
        hint: 'name the database too, for example redis://localhost:6379/0',
      },
    )
  }
  const count = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : undefined
  if (count !== undefined && count <= MOST_GPUS) return count
  throw new CanhazgpuError(
    'usage',
    `Invalid canhazgpu:gpu_count '${shown(text, LONGEST_NAME)}': expected 1 to ${MOST_GPUS}`,
  )
}

/** Throws `usage` for a GPU whose state cannot be read: somebody may hold it. */
export function readOriginal({ provider, gpus, queue, history }: OriginalTexts): OriginalPool {
  const records = history.map(recordIn)
  const readable = records.filter((record) => record !== undefined)
  return {
    provider: providerIn(provider),
    gpus: gpus.map((text, gpu) => (text === null ? {} : gpuIn(text, gpu))),
    records: readable,
    unreadable: records.length - readable.length,
    waiting: queue.map(waitingSince).filter((heartbeatAt) => heartbeatAt !== undefined),
  }
}

/** The first versions knew only NVIDIA and stored no provider. */
function providerIn(text: string | null): ProviderChoice {
  if (text === null) return 'nvidia'
  if (text === 'nvidia' || text === 'amd' || text === 'fake') return text
  throw new CanhazgpuError(
    'usage',
    `Unknown canhazgpu:provider '${shown(text, LONGEST_NAME)}': expected nvidia, amd or fake`,
    { hint: 'name it with --provider' },
  )
}

function gpuIn(text: string, gpu: number): OriginalGpu {
  const state = fieldsIn(text)
  const kind = state === undefined ? undefined : kindOf(state)
  const isHeld = state !== undefined && present(state.user)
  const user = nameIn(state?.user)
  const account = present(state?.actual_user) ? nameIn(state?.actual_user) : user
  const startedAt = timeIn(state?.start_time)
  const isReadable =
    user !== undefined && account !== undefined && kind !== undefined && startedAt !== undefined
  if (state === undefined || (isHeld && !isReadable)) {
    throw new CanhazgpuError('usage', `Cannot read the state of GPU ${gpu} in Redis: ${shown(text, 120)}`, {
      hint: `somebody may hold the GPU: correct canhazgpu:gpu:${gpu}, or delete it if the GPU is free`,
    })
  }
  const lastReleased = timeIn(state.last_released)
  const released = lastReleased === undefined ? {} : { lastReleased }
  // A waiter of the original program collects GPUs one by one, and starts nothing until it has all.
  if (!isHeld || !isReadable || present(state.partial_queue_id)) return released
  const [expiresAt, heartbeatAt] = [timeIn(state.expiry_time), timeIn(state.last_heartbeat)]
  const note = textIn(state.note, LONGEST_NOTE)
  return {
    ...released,
    held: {
      ...{ user, account, kind, startedAt, mark: markOf(kind, state) },
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(heartbeatAt === undefined ? {} : { heartbeatAt }),
      ...(note === undefined ? {} : { note }),
    },
  }
}

/** The Python program stores no type in the heartbeats of a run. */
function kindOf({ type, expiry_time: expiry, last_heartbeat: heartbeat }: Fields): OriginalKind | undefined {
  if (present(type)) return kindIn(type)
  return present(heartbeat) && !present(expiry) ? 'run' : undefined
}

/**
 * A command that waited has GPUs with several starts, but writes the end of a reservation, or the heartbeat of a run, to
 * all of them at once. Runs that start together have different heartbeats, often in the same millisecond.
 */
function markOf(kind: OriginalKind, state: Fields): string {
  const last = kind === 'run' ? state.last_heartbeat : state.expiry_time
  return String(present(last) ? last : state.start_time)
}

function waitingSince(text: string | null): Millis | undefined {
  return text === null ? undefined : timeIn(fieldsIn(text)?.last_heartbeat)
}

function recordIn(text: string): OriginalRecord | undefined {
  const record = fieldsIn(text)
  if (record === undefined) return undefined
  const user = nameIn(record.user)
  const { gpu_id: gpu } = record
  const kind = kindIn(record.reservation_type)
  const [startedAt, endedAt] = [timeIn(record.start_time), timeIn(record.end_time)]
  if (user === undefined || kind === undefined || startedAt === undefined || endedAt === undefined)
    return undefined
  if (typeof gpu !== 'number' || !Number.isInteger(gpu) || gpu < 0 || gpu >= MOST_GPUS) return undefined
  // The GPUs of a run end together; those of a reservation can be released one by one.
  const mark = JSON.stringify([record.start_time, kind === 'run' ? record.end_time : null])
  return endedAt < startedAt ? undefined : { user, gpu, kind, mark, startedAt, endedAt }
}

type Fields = Readonly<Record<string, unknown>>

function fieldsIn(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const kindIn = (value: unknown): OriginalKind | undefined =>
  value === 'run' || value === 'manual' ? value : undefined

const present = (value: unknown): boolean => value !== undefined && value !== null && value !== ''

const nameIn = (value: unknown): string | undefined => textIn(value, LONGEST_NAME)

function textIn(value: unknown, longest: number): string | undefined {
  const text = typeof value === 'string' ? shown(value, longest) : ''
  return text === '' ? undefined : text
}

const shown = (text: string, longest: number): string => shortened(printable(text), longest)

/** Unix seconds as a number or as text, or RFC 3339. */
function timeIn(value: unknown): Millis | undefined {
  const seconds = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value
  const at = typeof seconds === 'number' ? Math.round(seconds * 1_000) : dateIn(value)
  return at > 0 && at < LATEST ? at : undefined
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

const dateIn = (value: unknown): Millis =>
  typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : Number.NaN
