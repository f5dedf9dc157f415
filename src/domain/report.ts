import { heldTimeOf } from './ending.ts'
import type { Account, HeldTime, Millis, Pool, UsageTally } from './model.ts'
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

/**
 * Adds up what lies in the range. A reservation counts once however many GPUs it had, and not at all
 * where it has been counted already.
 */
export function tallied(
  times: Iterable<HeldTime>,
  range: TimeRange,
  counted: Iterable<string> = [],
): readonly UsageTally[] {
  const tallies = new Map<string, UsageTally>()
  const known = new Set(counted)
  for (const time of times) {
    const ms = Math.min(time.endedAt, range.to) - Math.max(time.startedAt, range.from)
    if (ms < 0) continue
    const { user, account, kind } = time
    const key = JSON.stringify([user, account.name, kind])
    const before = tallies.get(key) ?? { user, account: account.name, kind, ms: 0, reservations: 0 }
    const fresh = known.has(time.reservation) ? 0 : 1
    known.add(time.reservation)
    tallies.set(key, { ...before, ms: before.ms + ms, reservations: before.reservations + fresh })
  }
  return [...tallies.values()]
}

/** Who used how much of all that was used. */
export function usageReport(tallies: Iterable<UsageTally>, range: TimeRange, days: number): UsageReport {
  const sums = new Map<string, Sum>()
  for (const tally of tallies) {
    const user = shownName({ user: tally.user, account: { name: tally.account } })
    const { ms, runs, manuals } = sums.get(user) ?? { ms: 0, runs: 0, manuals: 0 }
    sums.set(user, {
      ms: ms + tally.ms,
      runs: runs + (tally.kind === 'run' ? tally.reservations : 0),
      manuals: manuals + (tally.kind === 'manual' ? tally.reservations : 0),
    })
  }
  const totalMs = sum([...sums.values()].map(({ ms }) => ms))
  const users = [...sums]
    .map(([user, { ms, runs, manuals }]) => ({
      user,
      gpuHours: ms / HOUR_MS,
      percentage: totalMs === 0 ? 0 : (100 * ms) / totalMs,
      runs,
      manuals,
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
export function shownName(held: { readonly user: string; readonly account: Pick<Account, 'name'> }): string {
  return held.user === held.account.name ? held.user : `${held.user} (${held.account.name})`
}

interface Sum {
  readonly ms: Millis
  readonly runs: number
  readonly manuals: number
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
