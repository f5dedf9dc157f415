import { heldTimeOf } from '../operation/ending.ts'
import type { HeldTime, Millis, Pool, UsageTally } from '../pool/model.ts'
import { unitsOf } from '../pool/units.ts'
import type { TimeRange } from './recorded.ts'
import { byLabel, ShownAccounts } from './shown-accounts.ts'

export interface UserUsage {
  readonly user: string
  /** The name of the account, which may have several shown names. */
  readonly account: string
  /** Absent if the report is of several hosts: uids differ by host. */
  readonly uid?: number
  readonly gpuHours: number
  /** Share of all GPU hours in the period; 0 if there are none. */
  readonly percentage: number
  readonly runs: number
  readonly manuals: number
}

export interface UsageReport {
  readonly range: TimeRange
  readonly days: number
  /** Before this time, only the sums of whole days (UTC) are known. Absent: everything in the range is. */
  readonly sumsUntil?: Millis
  /** Most GPU hours first. */
  readonly users: readonly UserUsage[]
  readonly total: Omit<UserUsage, 'user' | 'account' | 'uid'>
}

const DAY_MS: Millis = 86_400_000
const HOUR_MS: Millis = 3_600_000

/** The last `days` times 24 hours. */
export function reportRange(days: number, now: Millis): TimeRange {
  return { from: now - days * DAY_MS, to: now }
}

/** The held times of current reservations, up to now. */
export function runningTimes(pool: Pool, now: Millis): readonly HeldTime[] {
  return pool.reservations.flatMap((reservation) =>
    unitsOf(reservation).map((unit) => heldTimeOf(pool.host, reservation, unit, now)),
  )
}

/**
 * Sums the held times within the range. A reservation counts once, whatever the number of its GPUs. The reservations in
 * `counted` are not counted again.
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
    const { owner, term } = time
    const { account, shownName: user } = owner
    const key = JSON.stringify([user, account.uid, account.name, term])
    const none = { user, uid: account.uid, account: account.name, term, ms: 0, reservations: 0 }
    const before = tallies.get(key) ?? none
    const fresh = known.has(time.reservation) ? 0 : 1
    known.add(time.reservation)
    tallies.set(key, { ...before, ms: before.ms + ms, reservations: before.reservations + fresh })
  }
  return [...tallies.values()]
}

/** The GPU hours and the share of each user. */
export function usageReport(tallies: Iterable<UsageTally>, range: TimeRange, days: number): UsageReport {
  const sums = new Map<string, Sum>()
  const accounts = new ShownAccounts()
  for (const tally of tallies) {
    if (tally.term === 'maintenance') continue
    const key = accounts.keyOf({ user: tally.user, account: { uid: tally.uid, name: tally.account } })
    sums.set(key, added(sums.get(key), sumOf(tally)))
  }
  const byUser = byLabel(sums, accounts.labels(), added)
  const accountOf = accounts.accounts()
  const totalMs = sum([...byUser.values()].map(({ ms }) => ms))
  const users = [...byUser]
    .map(([user, { ms, runs, manuals }]) => ({
      user,
      account: accountOf.get(user)?.name ?? user,
      uid: accountOf.get(user)?.uid ?? -1,
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

interface Sum {
  readonly ms: Millis
  readonly runs: number
  readonly manuals: number
}

const sumOf = ({ ms, term, reservations }: UsageTally): Sum => ({
  ms,
  runs: term === 'run' ? reservations : 0,
  manuals: term === 'manual' || term === 'booking' ? reservations : 0,
})

const added = (a: Sum | undefined, b: Sum): Sum =>
  a === undefined ? b : { ms: a.ms + b.ms, runs: a.runs + b.runs, manuals: a.manuals + b.manuals }

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
