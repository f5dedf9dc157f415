import * as v from 'valibot'
import { ERROR_CODES } from '../../domain/errors.ts'
import { ALLOCATIONS, PROVIDERS } from '../../domain/pool/model.ts'
import { booking } from './schedule.ts'
import { list, object, oneOf, optional, text, time, whole } from './values.ts'

/** `admin --gpus N --json`. */
export const created = object({
  result: oneOf(['initialized', 'reinitialized']),
  gpus: whole,
  damaged: optional(object({ kept_as: text, records: whole })),
  /** Bookings that the new pool cannot keep. */
  lost_bookings: optional(list(booking)),
})

/** `admin --import URL --json`. */
export const imported = object({
  /** `planned`: after a dry run. */
  result: oneOf(['initialized', 'reinitialized', 'planned']),
  gpus: whole,
  /** Of a damaged pool that the new one replaced. */
  damaged: optional(object({ kept_as: text, records: whole })),
  lost_bookings: optional(list(booking)),
  imported: object({
    records: whole,
    reservations: list(
      object({
        gpu_ids: list(whole),
        user: text,
        account: text,
        uid: whole,
        expires_at: time,
        /** Its command runs under the original canhazgpu. */
        running: v.boolean(),
      }),
    ),
  }),
  not_imported: object({
    reservations: list(object({ gpu_ids: list(whole), user: text, account: text })),
    records: whole,
    waiting: whole,
  }),
})

const problem = object({
  kind: oneOf(['damage', 'foreign', 'access', 'device']),
  what: text,
  cure: text,
  /** The code of a GPU that differs from the pool's description. */
  reason: optional(
    object({
      code: oneOf(['all-replaced', 'missing', 'replaced', 'renamed']),
      gpu_id: optional(whole),
    }),
  ),
})

/** `admin --check --json`. */
export const checked = object({
  sound: v.boolean(),
  path: text,
  gpus: optional(whole),
  reservations: optional(whole),
  waiting: optional(whole),
  records: optional(whole),
  /** Records of changes that `policy --history` cannot show; absent: none. */
  unreadable_changes: optional(whole),
  /** Absent if there is no pool to compare. */
  driver: optional(
    v.variant('checked', [
      v.strictObject({ checked: v.literal(true), gpus: whole }),
      v.strictObject({ checked: v.literal(false), reason: text, reason_code: oneOf(ERROR_CODES) }),
    ]),
  ),
  problems: list(problem),
})

/** `admin --refresh --json`. */
export const refreshed = object({ adopted: list(object({ gpu_id: whole, uuid: text, name: text })) })

/** `admin --show --json`. */
export const settings = object({
  path: text,
  host: text,
  gpus: whole,
  provider: oneOf(PROVIDERS),
  allocation: oneOf(ALLOCATIONS),
  memory_threshold_mb: whole,
  group: v.nullable(text),
})

/** `admin --memory-threshold N --json`. */
export const thresholdSet = object({ memory_threshold_mb: whole })

/** `admin --backup FILE --json`. */
export const backedUp = object({ backup: text })

const detected = object({
  gpu_id: whole,
  uuid: text,
  name: text,
  memory_total_mb: optional(whole),
  /** The fault of the GPU. */
  reason: optional(text),
})

/** `admin --json` without `--gpus`, before the usage error. */
export const guide = v.variant('found', [
  v.strictObject({ found: v.literal('pool'), pool: settings }),
  v.strictObject({ found: v.literal('gpus'), provider: oneOf(PROVIDERS), gpus: list(detected) }),
  v.strictObject({ found: v.literal('no-gpus'), reason: text, reason_code: oneOf(ERROR_CODES) }),
  v.strictObject({ found: v.literal('unreadable-pool'), reason: text, reason_code: oneOf(ERROR_CODES) }),
])

export type CreatedDocument = v.InferOutput<typeof created>
export type ImportedDocument = v.InferOutput<typeof imported>
export type CheckedDocument = v.InferOutput<typeof checked>
export type RefreshedDocument = v.InferOutput<typeof refreshed>
export type SettingsDocument = v.InferOutput<typeof settings>
export type ThresholdSetDocument = v.InferOutput<typeof thresholdSet>
export type BackedUpDocument = v.InferOutput<typeof backedUp>
export type GuideDocument = v.InferOutput<typeof guide>
export type DetectedDocument = v.InferOutput<typeof detected>
