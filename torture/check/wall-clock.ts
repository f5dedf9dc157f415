import type { Entry } from '../log.ts'

/** From here on the store takes the wall clock for having been set, and moves all its times along. */
export const MOST_DRIFT_MS = 1_000

/** By how much the two clocks parted in the course of the play: so much the store's times may seem wrong. */
export function driftOf(entries: readonly Entry[]): number {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { at } of entries) {
    least = Math.min(least, at.wall - at.steady)
    most = Math.max(most, at.wall - at.steady)
  }
  return Math.ceil(Math.max(0, most - least))
}
