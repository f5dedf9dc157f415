import * as v from 'valibot'
import { queue } from './queue.ts'
import { schedule } from './schedule.ts'
import { stale, status } from './status.ts'
import { list, object, oneOf, optional, text, time } from './values.ts'

/** The content of the page at one moment, for `/api/snapshot` and the events of `/api/events`. */
export const snapshot = object({
  hostname: text,
  /** The version of canhazgpu. */
  version: text,
  /** The server was started with `--demo`: users, GPUs and readings are made up. */
  demo: optional(v.literal(true)),
  /** The time of the snapshot. */
  at: time,
  /** Present if the snapshot is not current. */
  stale: optional(stale),
  status,
  queue,
  schedule,
  policy_version: v.pipe(text, v.description('Changes with the rules that /api/policy answers')),
})

const reading = v.nullable(v.number())
const trendPoint = v.pipe(v.strictTuple([v.number(), reading, reading, reading]), v.readonly())

/** The first event of `/api/events`. */
export const trend = object({
  gpus: v.pipe(
    v.record(text, list(trendPoint)),
    v.readonly(),
    v.description(
      'By GPU: [epoch ms, utilisation %, temperature °C, power W], oldest first; null: not reported',
    ),
  ),
})

/** `/healthz`. */
export const health = object({ status: oneOf(['ok']), driver: oneOf(['ok', 'stale', 'asleep']) })

/** `web --json`. */
export const serving = object({ url: text, demo: optional(v.literal(true)) })

export type SnapshotDocument = v.InferOutput<typeof snapshot>
export type TrendDocument = v.InferOutput<typeof trend>
export type TrendPoint = v.InferOutput<typeof trendPoint>
export type ServingDocument = v.InferOutput<typeof serving>
