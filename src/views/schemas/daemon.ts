import type * as v from 'valibot'
import { object, text } from './values.ts'

/** What `daemon --json` prints when it is ready. */
export const listening = object({ socket: text })

export type DaemonDocument = v.InferOutput<typeof listening>
