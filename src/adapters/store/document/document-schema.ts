import * as v from 'valibot'
import { ALLOCATIONS, LIMIT_KEYS, PROVIDERS } from '../../../domain/pool/model.ts'
import { compareUnits } from '../../../domain/pool/units.ts'
import { LARGEST_PID, MOST_MILLIS } from './document-limits.ts'

/** `0`, `12`, and `3.0` for a part of a GPU. */
const UNIT_ID = /^(0|[1-9]\d{0,3})(\.\d{1,2})?$/

/**
 * The current version of the stored pool document, with messages that explain what is wrong. `document-check.ts` does
 * the same for every command: change both.
 */
export function documentSchema() {
  const millis = v.pipe(v.number(), v.minValue(-MOST_MILLIS), v.maxValue(MOST_MILLIS))
  const span = v.pipe(millis, v.minValue(0))
  const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
  const positive = v.pipe(whole, v.minValue(1))
  const text = v.string()
  const unitId = v.pipe(text, v.regex(UNIT_ID, 'not the id of a unit'))

  const account = v.object({ uid: whole, name: text, userNamespace: v.exactOptional(text) })
  const owner = v.object({ account, shownName: text })

  const process = v.object({
    pid: v.pipe(positive, v.maxValue(LARGEST_PID)),
    startTime: whole,
    bootId: text,
    pidNamespace: text,
  })

  const bookingTerm = v.object({
    kind: v.literal('booking'),
    from: millis,
    until: millis,
    usedAt: v.exactOptional(millis),
  })

  const term = v.variant('kind', [
    v.object({
      kind: v.literal('run'),
      process,
      heartbeatAt: millis,
      limit: v.exactOptional(
        v.object({
          interruptAt: millis,
          killAt: millis,
          enforcedBy: v.exactOptional(v.literal('supervisor')),
        }),
      ),
      command: text,
    }),
    v.object({ kind: v.literal('manual'), expiresAt: millis }),
    bookingTerm,
    v.object({ kind: v.literal('maintenance'), from: millis, until: v.exactOptional(millis) }),
  ])

  const share = v.variant('kind', [
    v.object({ kind: v.literal('whole') }),
    v.object({ kind: v.literal('memory'), mb: positive }),
  ])

  const holdings = v.pipe(v.array(v.object({ unit: unitId, share })), v.minLength(1))

  const reservation = v.object({
    id: text,
    owner,
    holdings,
    startedAt: millis,
    note: v.exactOptional(text),
    term,
  })

  const request = v.variant('kind', [
    v.object({
      kind: v.literal('count'),
      count: positive,
      gpuTypes: v.exactOptional(v.pipe(v.array(text), v.minLength(1))),
      leastMemoryMb: v.exactOptional(positive),
    }),
    v.object({ kind: v.literal('ids'), ids: v.pipe(v.array(unitId), v.minLength(1)) }),
  ])

  const booking = v.object({
    id: text,
    owner,
    request,
    holdings,
    bookedAt: millis,
    note: v.exactOptional(text),
    groups: v.exactOptional(v.array(whole)),
    term: bookingTerm,
  })

  const queueEntry = v.object({
    id: text,
    owner,
    request,
    term: v.object({
      kind: v.picklist(['run', 'manual']),
      duration: v.exactOptional(span),
      least: v.exactOptional(span),
    }),
    process,
    joinedAt: millis,
    heartbeatAt: millis,
    waitUntil: v.exactOptional(millis),
    startableSince: v.exactOptional(millis),
    groups: v.exactOptional(v.array(whole)),
    note: v.exactOptional(text),
  })

  const unit = v.object({
    id: unitId,
    device: v.object({ uuid: text, name: text }),
    shape: v.variant('kind', [
      v.object({ kind: v.literal('gpu') }),
      v.object({ kind: v.literal('mig'), profile: text }),
    ]),
    memoryMb: v.exactOptional(positive),
    lastUse: v.exactOptional(v.object({ endedAt: millis, uid: whole })),
    drain: v.exactOptional(v.object({ since: millis, by: account, reason: v.exactOptional(text) })),
  })

  const stamp = v.object({ by: account, at: millis })
  const limit = v.object({
    key: v.picklist(LIMIT_KEYS),
    scope: v.variant('kind', [
      v.object({ kind: v.literal('pool') }),
      v.object({ kind: v.literal('account'), uid: whole, name: text }),
      v.object({ kind: v.literal('group'), gid: whole, name: text }),
    ]),
    value: span,
    by: account,
    at: millis,
  })

  return v.object({
    host: text,
    provider: v.picklist(PROVIDERS),
    units: v.pipe(
      v.array(unit),
      v.check(
        (all) => all.every(({ id }, at) => at === 0 || compareUnits(all[at - 1]?.id ?? '', id) < 0),
        'unit ids are repeated, or not in ascending order',
      ),
    ),
    reservations: v.array(reservation),
    queue: v.array(queueEntry),
    bookings: v.exactOptional(v.array(booking)),
    policy: v.object({
      allocation: v.picklist(ALLOCATIONS),
      memoryThresholdMb: v.exactOptional(positive),
      keepHistoryMs: v.exactOptional(span),
      stamps: v.exactOptional(
        v.object({
          allocation: v.exactOptional(stamp),
          memoryThresholdMb: v.exactOptional(stamp),
          keepHistoryMs: v.exactOptional(stamp),
        }),
      ),
      limits: v.exactOptional(v.array(limit)),
    }),
    keptFrom: v.exactOptional(millis),
    writtenAt: v.object({ wall: millis, steady: v.object({ epoch: text, ms: millis }) }),
  })
}
