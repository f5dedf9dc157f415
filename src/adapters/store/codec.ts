import * as v from 'valibot'
import { CanhazgpuError } from '../../domain/errors.ts'
import { ALLOCATIONS, type Moment, type Pool, PROVIDERS } from '../../domain/model.ts'

/** Version of the stored pool document. Older ones must load for ever: see `upgrades`. */
const DOCUMENT_VERSION = 1

/** What turns a document of version N into one of version N + 1, by N. */
const upgrades: Readonly<Record<number, (document: Record<string, unknown>) => Record<string, unknown>>> = {}

const millis = v.pipe(v.number(), v.finite())
const whole = v.pipe(v.number(), v.integer(), v.minValue(0))
const account = v.object({ uid: whole, name: v.string() })
const gpuIds = v.pipe(v.array(whole), v.minLength(1))

const process = v.object({
  pid: whole,
  startTime: whole,
  bootId: v.string(),
  pidNamespace: v.string(),
})

const held = {
  id: v.string(),
  gpus: gpuIds,
  user: v.string(),
  account,
  startedAt: millis,
  note: v.exactOptional(v.string()),
}

const reservation = v.variant('kind', [
  v.object({
    ...held,
    kind: v.literal('run'),
    process,
    heartbeatAt: millis,
    timeLimit: v.exactOptional(v.object({ interruptAt: millis, killAt: millis })),
    command: v.string(),
  }),
  v.object({ ...held, kind: v.literal('manual'), expiresAt: millis }),
])

const queueEntry = v.object({
  id: v.string(),
  user: v.string(),
  account,
  request: v.variant('kind', [
    v.object({ kind: v.literal('count'), count: v.pipe(whole, v.minValue(1)) }),
    v.object({ kind: v.literal('ids'), ids: gpuIds }),
  ]),
  kind: v.picklist(['run', 'manual']),
  process,
  joinedAt: millis,
  heartbeatAt: millis,
  waitUntil: v.exactOptional(millis),
  duration: v.exactOptional(millis),
  servableSince: v.exactOptional(millis),
  note: v.exactOptional(v.string()),
})

const pool = v.object({
  host: v.string(),
  provider: v.picklist(PROVIDERS),
  gpus: v.pipe(
    v.array(
      v.object({
        id: whole,
        uuid: v.string(),
        name: v.string(),
        releasedAt: v.exactOptional(millis),
        releasedBy: v.exactOptional(whole),
      }),
    ),
    v.check((gpus) => gpus.every((gpu, index) => gpu.id === index), 'GPU ids count from 0'),
  ),
  reservations: v.array(reservation),
  queue: v.array(queueEntry),
  settings: v.object({ allocation: v.picklist(ALLOCATIONS) }),
  writtenAt: v.object({ wall: millis, steady: v.object({ epoch: v.string(), ms: millis }) }),
})

const documentVersion = v.object({ version: v.pipe(whole, v.minValue(1)) })

/** The document that holds this pool, stamped with the moment of writing and sealed. */
export function encodePool(value: Pool, writtenAt: Moment): string {
  const body = JSON.stringify({ ...value, writtenAt } satisfies Pool)
  return `${SEAL}${sealOf(body)}",${body.slice(1)}`
}

/**
 * What this program wrote it need not examine again, which takes milliseconds where many wait. The seal is no
 * secret: it tells a document of ours from one that was damaged or edited.
 */
const SEAL = `{"version":${DOCUMENT_VERSION},"seal":"`

const sealOf = (body: string): string => Bun.hash(body).toString(16)

function sealedPool(text: string): Pool | null {
  if (!text.startsWith(SEAL)) return null
  const end = text.indexOf('"', SEAL.length)
  const body = `{${text.slice(end + 2)}`
  return text.slice(SEAL.length, end) === sealOf(body) ? JSON.parse(body) : null
}

/** Reads a document of this or any earlier version. Throws `store-corrupt` or `store-too-new`. */
export function decodePool(text: string): Pool {
  const sealed = sealedPool(text)
  if (sealed !== null) return sealed
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw corrupt('not JSON', cause)
  }
  const head = v.safeParse(documentVersion, parsed)
  if (!head.success) throw corrupt('no version')
  if (head.output.version > DOCUMENT_VERSION) throw tooNew(`pool document version ${head.output.version}`)
  const result = v.safeParse(pool, upgraded(parsed as Record<string, unknown>, head.output.version))
  if (!result.success) {
    const [issue] = result.issues
    throw corrupt(`${v.getDotPath(issue) ?? 'document'}: ${issue.message}`)
  }
  return result.output
}

function upgraded(document: Record<string, unknown>, version: number): Record<string, unknown> {
  let current = document
  for (let from = version; from < DOCUMENT_VERSION; from++) current = upgrades[from]?.(current) ?? current
  return current
}

function corrupt(what: string, cause?: unknown): CanhazgpuError {
  return new CanhazgpuError('store-corrupt', `The stored pool is damaged (${what})`, {
    hint: "an administrator can start afresh with 'canhazgpu admin --gpus <count> --force'",
    ...(cause === undefined ? {} : { cause }),
  })
}

/** What a store written by a later release is refused with. */
export function tooNew(what: string): CanhazgpuError {
  return new CanhazgpuError('store-too-new', `The pool was written by a newer canhazgpu (${what})`, {
    hint: 'upgrade this canhazgpu',
  })
}
