import * as v from 'valibot'
import { ALLOCATIONS, PROVIDERS } from '../../../domain/pool/model.ts'
import { LARGEST_PID, MOST_MILLIS } from './document-limits.ts'

const wholeNumber = () => v.pipe(v.number(), v.safeInteger(), v.minValue(0))

/**
 * The present version of the stored pool document, in words that say what is wrong. `document-check.ts` is the same
 * for every command: a change here is a change there.
 */
export function documentSchema() {
  const millis = v.pipe(v.number(), v.minValue(-MOST_MILLIS), v.maxValue(MOST_MILLIS))
  const span = v.pipe(millis, v.minValue(0))
  const whole = wholeNumber()
  const account = v.object({ uid: whole, name: v.string(), userNamespace: v.exactOptional(v.string()) })
  const gpuIds = v.pipe(v.array(whole), v.minLength(1))

  const process = v.object({
    pid: v.pipe(whole, v.minValue(1), v.maxValue(LARGEST_PID)),
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
    duration: v.exactOptional(span),
    servableSince: v.exactOptional(millis),
    note: v.exactOptional(v.string()),
  })

  return v.object({
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
    settings: v.object({
      allocation: v.picklist(ALLOCATIONS),
      memoryThresholdMb: v.exactOptional(v.pipe(whole, v.minValue(1))),
    }),
    writtenAt: v.object({ wall: millis, steady: v.object({ epoch: v.string(), ms: millis }) }),
  })
}
