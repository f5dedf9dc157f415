import * as v from 'valibot'
import { object, oneOf, optional, text } from './values.ts'

/** `service install --json` and `service uninstall --json`. */
export const service = object({
  result: oneOf(['installed', 'uninstalled', 'planned']),
  socket: text,
  pool: text,
  /** Absent if systemd does not run. */
  unit: optional(text),
  /** Only with `--dry-run`. */
  unit_text: optional(text),
  configuration: text,
  /** Whether this call moved the files of the pool. */
  moved: v.boolean(),
})

export type ServiceDocument = v.InferOutput<typeof service>
