import { ALLOCATIONS, LIMIT_KEYS, PROVIDERS } from '../../../domain/pool/model.ts'
import { compareUnits } from '../../../domain/pool/units.ts'
import {
  array,
  byKind,
  faultIn,
  integer,
  isObject,
  millis,
  object,
  oneOf,
  span,
  text,
  unitId,
  whole,
} from './checks.ts'
import { LARGEST_PID } from './document-limits.ts'

/**
 * The path of the first wrong value in a pool document of the current version. A test compares this check with
 * `document-schema.ts`.
 */
export function documentFault(document: unknown): string | undefined {
  return faultIn(document, pool) ?? orderFault(document)
}

/** Units are in the order of their ids, without duplicates. */
function orderFault(document: unknown): string | undefined {
  if (!isObject(document) || !Array.isArray(document.units)) return '.units'
  let before: string | undefined
  for (let at = 0; at < document.units.length; at++) {
    const unit: unknown = document.units[at]
    if (!isObject(unit) || typeof unit.id !== 'string') return `.units.${at}`
    if (before !== undefined && compareUnits(before, unit.id) >= 0) return `.units.${at}.id`
    before = unit.id
  }
  return undefined
}

const account = object({ uid: whole, name: text }, { userNamespace: text })
const owner = object({ account, shownName: text })
const process = object({
  pid: integer(1, LARGEST_PID),
  startTime: whole,
  bootId: text,
  pidNamespace: text,
})

const bookingTerm = object({ from: millis, until: millis }, { usedAt: millis })

const term = byKind({
  run: object(
    { process, heartbeatAt: millis, command: text },
    { limit: object({ interruptAt: millis, killAt: millis }, { enforcedBy: oneOf(['supervisor']) }) },
  ),
  manual: object({ expiresAt: millis }),
  booking: bookingTerm,
  maintenance: object({ from: millis }, { until: millis }),
})

const nothing = object({})
const share = byKind({ whole: nothing, memory: object({ mb: integer(1) }) })

const holdings = array(object({ unit: unitId, share }), 1)
const reservation = object({ id: text, owner, holdings, startedAt: millis, term }, { note: text })

const request = byKind({
  count: object({ count: integer(1) }, { gpuTypes: array(text, 1), leastMemoryMb: integer(1) }),
  ids: object({ ids: array(unitId, 1) }),
})

const booking = object(
  { id: text, owner, request, holdings, bookedAt: millis, term: byKind({ booking: bookingTerm }) },
  { note: text, groups: array(whole) },
)

const queueEntry = object(
  {
    id: text,
    owner,
    request,
    term: object({ kind: oneOf(['run', 'manual']) }, { duration: span, least: span }),
    process,
    joinedAt: millis,
    heartbeatAt: millis,
  },
  { waitUntil: millis, startableSince: millis, groups: array(whole), note: text },
)

const units = array(
  object(
    {
      id: unitId,
      device: object({ uuid: text, name: text }),
      shape: byKind({ gpu: nothing, mig: object({ profile: text }) }),
    },
    {
      memoryMb: integer(1),
      lastUse: object({ endedAt: millis, uid: whole }),
      drain: object({ since: millis, by: account }, { reason: text }),
    },
  ),
)

const stamp = object({ by: account, at: millis })
const scope = byKind({
  pool: nothing,
  account: object({ uid: whole, name: text }),
  group: object({ gid: whole, name: text }),
})
const limit = object({ key: oneOf(LIMIT_KEYS), scope, value: span, by: account, at: millis })

const pool = object(
  {
    host: text,
    provider: oneOf(PROVIDERS),
    units,
    reservations: array(reservation),
    queue: array(queueEntry),
    policy: object(
      { allocation: oneOf(ALLOCATIONS) },
      {
        memoryThresholdMb: integer(1),
        keepHistoryMs: span,
        stamps: object({}, { allocation: stamp, memoryThresholdMb: stamp, keepHistoryMs: stamp }),
        limits: array(limit),
      },
    ),
    writtenAt: object({ wall: millis, steady: object({ epoch: text, ms: millis }) }),
  },
  { bookings: array(booking), keptFrom: millis },
)
