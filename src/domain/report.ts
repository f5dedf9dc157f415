import { heldTimeOf } from './ending.ts'
import type { HeldTime, Millis, Pool } from './model.ts'
import type { TimeRange } from './ports.ts'

export interface UserUsage {
  readonly user: string
  readonly gpuHours: number
  /** Of all GPU hours in the period; 0 when nobody used any. */
  readonly percentage: number
  readonly runs: number
  readonly manuals: number
}

export interface UsageReport {
  readonly range: TimeRange
  readonly days: number
  /** Most GPU hours first. */
  readonly users: readonly UserUsage[]
  readonly total: Omit<UserUsage, 'user'>
}

const DAY_MS: Millis = 86_400_000
const HOUR_MS: Millis = 3_600_000

/** The last `days` times 24 hours. */
export function reportRange(days: number, now: Millis): TimeRange {
  return { from: now - days * DAY_MS, to: now }
}

/** What has not ended counts up to now. */
export function runningTimes(pool: Pool, now: Millis): readonly HeldTime[] {
  return pool.reservations.flatMap((reservation) =>
    reservation.gpus.map((gpu) => heldTimeOf(pool.host, reservation, gpu, now)),
  )
}

/** A reservation counts once however many GPUs it had; its hours count per GPU, clipped to the range. */
export function usageReport(times: Iterable<HeldTime>, range: TimeRange, days: number): UsageReport {
  const tallies = new Map<string, Tally>()
  for (const time of times) tallyOf(tallies, shownName(time)).add(time, range)
  const totalMs = sum([...tallies.values()].map((tally) => tally.ms))
  const users = [...tallies.entries()]
    .filter(([, tally]) => tally.runs.size + tally.manuals.size > 0)
    .map(([user, tally]) => ({
      user,
      gpuHours: tally.ms / HOUR_MS,
      percentage: totalMs === 0 ? 0 : (100 * tally.ms) / totalMs,
      runs: tally.runs.size,
      manuals: tally.manuals.size,
    }))
    .sort((a, b) => b.gpuHours - a.gpuHours || (a.user < b.user ? -1 : 1))
  const total = {
    gpuHours: totalMs / HOUR_MS,
    percentage: users.length === 0 ? 0 : 100,
    runs: sum(users.map((user) => user.runs)),
    manuals: sum(users.map((user) => user.manuals)),
  }
  return { range, days, users, total }
}

/** `alice`, or `alice (bob)` where account bob chose to be shown as alice. */
export function shownName(held: Pick<HeldTime, 'user' | 'account'>): string {
  return held.user === held.account.name ? held.user : `${held.user} (${held.account.name})`
}

class Tally {
  ms: Millis = 0
  readonly runs = new Set<string>()
  readonly manuals = new Set<string>()

  add(time: HeldTime, range: TimeRange): void {
    const from = Math.max(time.startedAt, range.from)
    const to = Math.min(time.endedAt, range.to)
    if (to < from) return
    this.ms += to - from
    const kind = time.kind === 'run' ? this.runs : this.manuals
    kind.add(time.reservation)
  }
}

function tallyOf(tallies: Map<string, Tally>, user: string): Tally {
  const known = tallies.get(user)
  if (known !== undefined) return known
  const fresh = new Tally()
  tallies.set(user, fresh)
  return fresh
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
