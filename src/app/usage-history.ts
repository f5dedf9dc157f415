import { settle } from '../domain/ending.ts'
import type { HeldTime, Millis, Outcome } from '../domain/model.ts'
import type { TimeRange } from '../domain/ports.ts'
import { runningTimes } from '../domain/report.ts'
import type { Deps } from './deps.ts'

/** Who held which GPU when; without an outcome it is held still. */
export interface PastTime extends HeldTime {
  readonly outcome?: Outcome
}

/** Everything held in the range, what is held still included, oldest start first. */
export async function usageHistory(
  deps: Pick<Deps, 'store' | 'alive'>,
  range: TimeRange,
): Promise<readonly PastTime[]> {
  const times = await pastTimes(deps, () => range)
  return times.past
    .filter((time) => time.endedAt >= range.from && time.startedAt <= range.to)
    .sort((a, b) => a.startedAt - b.startedAt || a.gpu - b.gpu)
}

/**
 * What is recorded of the range, and what is held now or over without a record yet. What ends between the
 * looks at pool and history stands in both; the record counts.
 */
export async function pastTimes(
  deps: Pick<Deps, 'store' | 'alive'>,
  rangeAt: (now: Millis) => TimeRange,
): Promise<{ readonly past: readonly PastTime[]; readonly range: TimeRange }> {
  const { pool, moment } = await deps.store.read()
  const range = rangeAt(moment.wall)
  const settled = settle(pool, moment.wall, deps.alive)
  const recorded = await deps.store.history(range)
  const known = new Set(recorded.map(keyOf))
  const unrecorded: PastTime[] = [...settled.ended, ...runningTimes(settled.pool, moment.wall)]
  return { past: [...recorded, ...unrecorded.filter((time) => !known.has(keyOf(time)))], range }
}

const keyOf = ({ reservation, gpu }: HeldTime): string => `${reservation}/${gpu}`
