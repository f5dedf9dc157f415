import type { HeldTime, Millis } from './model.ts'
import { shownName } from './report.ts'

/** GPU hours of one day by the user's shown name. */
export interface DailyUsage {
  readonly start: Millis
  readonly hours: ReadonlyMap<string, number>
}

const HOUR_MS: Millis = 3_600_000

/** Splits held times at the starts of days; the last day ends at `end`. `starts` ascend. */
export function dailyUsage(
  times: Iterable<HeldTime>,
  starts: readonly Millis[],
  end: Millis,
): readonly DailyUsage[] {
  const days = starts.map((start, at) => ({
    start,
    end: starts[at + 1] ?? end,
    hours: new Map<string, number>(),
  }))
  for (const time of times) {
    const user = shownName(time)
    for (const day of days) {
      const held = Math.min(time.endedAt, day.end) - Math.max(time.startedAt, day.start)
      if (held > 0) day.hours.set(user, (day.hours.get(user) ?? 0) + held / HOUR_MS)
    }
  }
  return days.map(({ start, hours }) => ({ start, hours }))
}
