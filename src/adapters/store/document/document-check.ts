import { ALLOCATIONS, PROVIDERS } from '../../../domain/pool/model.ts'
import { LARGEST_PID, MOST_MILLIS } from './document-limits.ts'

/**
 * Checks a stored pool document by hand: to load valibot and build its schema costs more than a whole `status`, and
 * a document is not to be believed for its checksum, which anyone can compute. A test holds this to
 * `document-schema.ts`.
 */
export function documentFault(document: unknown): string | undefined {
  return pool(document)
}

/** Answers with the path of the first value that is wrong, as `.gpus.0.id`. */
type Check = (value: unknown) => string | undefined

const when =
  (isRight: (value: unknown) => boolean): Check =>
  (value) =>
    isRight(value) ? undefined : ''

const numberWithin =
  (least: number, most: number) =>
  (value: unknown): boolean =>
    typeof value === 'number' && value >= least && value <= most

const integerWithin =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most

/** Plain loops over plain arrays: in a program that has just started, iterators take twice the time. */
function object(required: Record<string, Check>, optional: Record<string, Check> = {}): Check {
  const least = Object.keys(required).length
  const keys = [...Object.keys(required), ...Object.keys(optional)]
  const checks = [...Object.values(required), ...Object.values(optional)]
  return (value) => {
    if (typeof value !== 'object' || value === null) return ''
    const fields = value as Record<string, unknown>
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] as string
      const field = fields[key]
      if (field === undefined && at >= least) continue
      const fault = checks[at]?.(field)
      if (fault !== undefined) return `.${key}${fault}`
    }
    return undefined
  }
}

function array(check: Check, least = 0): Check {
  return (value) => {
    if (!Array.isArray(value) || value.length < least) return ''
    for (let at = 0; at < value.length; at++) {
      const fault = check(value[at])
      if (fault !== undefined) return `.${at}${fault}`
    }
    return undefined
  }
}

/** One of several objects, by its `kind`. */
function byKind(kinds: Readonly<Record<string, Check>>): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null || !('kind' in value)) return ''
    const { kind } = value
    return typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind]?.(value) : '.kind'
  }
}

/** A function of its own: one that runs for every value is compiled, which starts two threads, before `status` ends. */
const text: Check = (value) => (typeof value === 'string' ? undefined : '')
const whole = when(integerWithin(0))
const millis = when(numberWithin(-MOST_MILLIS, MOST_MILLIS))
const span = when(numberWithin(0, MOST_MILLIS))
const oneOf = (choices: readonly unknown[]): Check => when((value) => choices.includes(value))

const account = object({ uid: whole, name: text }, { userNamespace: text })
const gpuIds = array(whole, 1)
const process = object({
  pid: when(integerWithin(1, LARGEST_PID)),
  startTime: whole,
  bootId: text,
  pidNamespace: text,
})

const held = { id: text, gpus: gpuIds, user: text, account, startedAt: millis }
const reservation = byKind({
  run: object(
    { ...held, process, heartbeatAt: millis, command: text },
    { note: text, timeLimit: object({ interruptAt: millis, killAt: millis }) },
  ),
  manual: object({ ...held, expiresAt: millis }, { note: text }),
})

const request = byKind({
  count: object({ count: when(integerWithin(1)) }),
  ids: object({ ids: gpuIds }),
})

const queueEntry = object(
  {
    id: text,
    user: text,
    account,
    request,
    kind: oneOf(['run', 'manual']),
    process,
    joinedAt: millis,
    heartbeatAt: millis,
  },
  { waitUntil: millis, duration: span, servableSince: millis, note: text },
)

const gpu = object({ id: whole, uuid: text, name: text }, { releasedAt: millis, releasedBy: whole })
const gpus = array(gpu)

const pool = object({
  host: text,
  provider: oneOf(PROVIDERS),
  gpus: (value) => {
    const fault = gpus(value)
    if (fault !== undefined) return fault
    const wrong = (value as readonly { id: number }[]).findIndex(({ id }, at) => id !== at)
    return wrong < 0 ? undefined : `.${wrong}.id`
  },
  reservations: array(reservation),
  queue: array(queueEntry),
  settings: object({ allocation: oneOf(ALLOCATIONS) }, { memoryThresholdMb: when(integerWithin(1)) }),
  writtenAt: object({ wall: millis, steady: object({ epoch: text, ms: millis }) }),
})
