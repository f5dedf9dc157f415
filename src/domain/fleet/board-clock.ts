import type { Millis } from '../pool/model.ts'

/**
 * The time of a board at its last notice. The clock of a server can be set back, also when another server takes over.
 * Then what was published before would look younger than it is, and a silent host alive. So the board counts time.
 */
export interface BoardTime {
  /** What the clock of the server showed. */
  readonly shown: Millis
  /** What counts: it never goes back. Ages are differences of it. */
  readonly counted: Millis
}

/** A difference that no setting of a clock explains: somebody has written nonsense. */
export const MOST_CLOCK_DIFFERENCE_MS: Millis = 30 * 86_400_000

/** The time of a notice that comes now. After its clock was set back, the board counts on from its last notice. */
export function timeOfNotice(last: BoardTime | undefined, shown: Millis): BoardTime {
  if (last === undefined || !isPossible(last, shown)) return { shown, counted: shown }
  return { shown, counted: last.counted + Math.max(0, shown - last.shown) }
}

/**
 * What counts for a reader now. If the clock was set back since the last notice, nobody knows the time since then, so
 * the difference is taken: until the next notice, hosts look older and not younger.
 */
export function countedNow(last: BoardTime | undefined, shown: Millis): Millis {
  if (last === undefined || !isPossible(last, shown)) return shown
  return last.counted + Math.abs(shown - last.shown)
}

const isPossible = (last: BoardTime, shown: Millis): boolean =>
  Math.abs(shown - last.shown) < MOST_CLOCK_DIFFERENCE_MS &&
  Math.abs(shown - last.counted) < MOST_CLOCK_DIFFERENCE_MS
