import { settle } from '../domain/ending.ts'
import type { HeldTime, Outcome } from '../domain/model.ts'
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
  const { pool, moment } = await deps.store.read()
  const settled = settle(pool, moment, deps.alive)
  const ended = await deps.store.history(range)
  const known = new Set(ended.map((record) => record.reservation))
  const overButUnwritten = settled.ended.filter((record) => !known.has(record.reservation))
  const times: PastTime[] = [...ended, ...overButUnwritten, ...runningTimes(settled.pool, moment.wall)]
  return times
    .filter((time) => time.endedAt >= range.from && time.startedAt <= range.to)
    .sort((a, b) => a.startedAt - b.startedAt || a.gpu - b.gpu)
}
