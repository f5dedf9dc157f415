import type { Entry } from '../log.ts'

/** At this difference the store assumes that the wall clock was set, and shifts its times. */
export const MOST_DRIFT_MS = 1_000

/** How much the difference between the two clocks changed during the round. The times in the store may be wrong by this. */
export function driftOf(entries: readonly Entry[]): number {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { at } of entries) {
    least = Math.min(least, at.wall - at.steady)
    most = Math.max(most, at.wall - at.steady)
  }
  return Math.ceil(Math.max(0, most - least))
}
