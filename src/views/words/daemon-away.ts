import type { Millis } from '../../domain/pool/model.ts'
import type { Warning } from '../../domain/warnings.ts'
import { logTime } from './clock-time.ts'

/** For a waiter whose daemon has not answered since this time. */
export const daemonAway = (since: Millis): Warning => ({
  code: 'daemon-away',
  message: `The daemon has not answered since ${logTime(since)}; still waiting, and the place in the queue is kept`,
})
