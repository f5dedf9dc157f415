import type { Millis } from './pool/model.ts'

/** The longest time that a timer of the runtime can wait. It treats a longer one as none, and fires at once. */
export const LONGEST_TIMER_MS: Millis = 2 ** 31 - 1
