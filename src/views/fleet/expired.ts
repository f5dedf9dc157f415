import { DEFAULT_MEMORY_THRESHOLD_MB } from '../../domain/observation/readings.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { formatDuration } from '../../domain/text/duration.ts'
import type { StatusPart } from '../schemas/fleet.ts'
import type { StatusDocument } from '../schemas/status.ts'
import { reasonWords } from '../words/drain-words.ts'

/**
 * The part without the reservations that have expired since the host wrote it, `age` ago: without a daemon, nothing of
 * an idle host publishes when one expires. Clocks may differ, so only times of that host are compared with each other.
 */
export function withoutExpired(part: StatusPart, age: Millis): StatusPart {
  const now = timeThere(part.gpus, age)
  if (now === undefined) return part
  const gpus = part.gpus.map((gpu) => {
    // Reading the times of thousands of GPUs takes longer than comparing their texts.
    if (gpu.expiry_time === undefined || gpu.expiry_time > now) return gpu
    const left = timeLeft(gpu)
    return left !== undefined && left <= age ? released(gpu, age - left) : gpu
  })
  return { ...part, gpus }
}

const LATEST = Date.UTC(9999, 0, 1)
const LATER_THAN_ALL = 'later'
/** The held time is a whole number of seconds. */
const ROUNDED_MS: Millis = 2_000

/** The time by the clock of the host, or a little later; undefined if it told none. */
function timeThere(gpus: readonly StatusDocument[], age: Millis): string | undefined {
  const held = gpus.find(({ started_at, duration_seconds }) => started_at && duration_seconds !== undefined)
  if (held?.started_at === undefined || held.duration_seconds === undefined) return undefined
  const now = Date.parse(held.started_at) + held.duration_seconds * 1000 + age + ROUNDED_MS
  // Nonsense too is later than all: then each time is read.
  return now < LATEST ? new Date(now).toISOString() : LATER_THAN_ALL
}

/** The time from the writing to the end of the reservation; undefined if it does not end by itself, NaN for nonsense. */
function timeLeft({ status, type, started_at, duration_seconds, expiry_time }: StatusDocument) {
  if (status !== 'IN_USE' || type === 'RUN') return undefined
  if (started_at === undefined || duration_seconds === undefined || expiry_time === undefined)
    return undefined
  return Date.parse(expiry_time) - Date.parse(started_at) - duration_seconds * 1000
}

const OF_THE_HOLDER: ReadonlySet<string> = new Set<keyof StatusDocument>([
  ...(['user', 'account', 'type', 'note', 'duration_seconds', 'started_at', 'expiry_time'] as const),
  ...(['last_heartbeat', 'model', 'other_users', 'validation'] as const),
])

function released(gpu: StatusDocument, ago: Millis): StatusDocument {
  const isKept = ([field]: readonly [string, unknown]) => !OF_THE_HOLDER.has(field)
  const { gpu_id, gpu_model, expiry_time, memory_used_mb: used } = gpu
  return {
    ...Object.fromEntries(Object.entries(gpu).filter(isKept)),
    ...{ gpu_id, gpu_model },
    ...(expiry_time === undefined ? {} : { last_released: expiry_time }),
    ...(used === undefined ? {} : { validation: `${used}MB used` }),
    ...stateOf(gpu, ago),
  }
}

/** Which processes are left is not known, so the memory that was used decides. */
function stateOf(
  { drain, error, memory_used_mb: used = 0, other_users: users }: StatusDocument,
  ago: Millis,
): Pick<StatusDocument, 'status' | 'details' | 'unreserved_users'> {
  if (drain !== undefined) return { status: 'DRAINED', details: `by ${drain.by}${reasonWords(drain)}` }
  if (error !== undefined) return { status: 'ERROR', details: error }
  if (used <= DEFAULT_MEMORY_THRESHOLD_MB) {
    return { status: 'AVAILABLE', details: `last released ${formatDuration(ago)} ago` }
  }
  return {
    ...{ status: 'UNRESERVED', details: `${used}MB used by unknown processes` },
    ...(users === undefined ? {} : { unreserved_users: users }),
  }
}
