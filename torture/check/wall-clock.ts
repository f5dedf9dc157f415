import type { Entry } from '../log.ts'

/** From this difference on the store assumes that the wall clock was set, and shifts its times. */
export const MOST_DRIFT_MS = 1_000

/** The change of the difference between the two clocks during the round: the error of the store's times. */
export function driftOf(entries: readonly Entry[]): number {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { at } of entries) {
    least = Math.min(least, at.wall - at.steady)
    most = Math.max(most, at.wall - at.steady)
  }
  return Math.ceil(Math.max(0, most - least))
}
