import { CanhazgpuError } from '../../domain/errors.ts'
import { DAYS_TOLD } from '../../domain/fleet/snapshot.ts'
import { DAY_MS, dayOf } from '../../domain/ledger/day-sums.ts'
import type { UsageReport } from '../../domain/ledger/report.ts'
import { summedUsage } from '../../domain/ledger/summed.ts'
import { shortened } from '../../domain/text/text.ts'
import { reportDocument } from '../../views/documents/report-document.ts'
import { timestamp } from '../../views/documents/status-document.ts'
import type { ReportOfHosts, UsagePart } from '../../views/schemas/fleet.ts'
import type { Context } from '../context.ts'
import { askHosts } from './answers.ts'
import type { OfHosts } from './shown.ts'

/** `report --all`: the last `days` days in UTC, today included. */
export async function reportOfHosts(
  days: number,
  context: Context,
  lines: (usage: UsageReport) => readonly string[],
): Promise<OfHosts> {
  if (days > DAYS_TOLD) {
    throw new CanhazgpuError(
      'usage',
      `With --all, --days is at most ${DAYS_TOLD}: hosts publish no earlier usage`,
    )
  }
  const { hosts, notice, old, now, failure } = await askHosts({ kind: 'all' }, 'usage', context)
  const from = (dayOf(now) - days + 1) * DAY_MS
  const usages = hosts.map(({ host, part }) => ({
    host,
    users: part === undefined ? [] : usersSince(part, from),
  }))
  const usage = summedUsage(
    usages.flatMap(({ users }) => users),
    { range: { from, to: now }, days },
  )
  return {
    text: () => ({
      stdout: `${lines(usage).join('\n')}\nHosts: ${known(hosts)} of ${hosts.length}\n`,
      stderr: notice + old,
    }),
    json: (): ReportOfHosts => ({
      ...reportDocument(usage),
      hosts: usages.map(({ host, users }, at) =>
        hosts[at]?.part === undefined ? host : { ...host, gpu_hours: hoursOf(users) },
      ),
    }),
    failure,
  }
}

const LONGEST_NAME = 100

function usersSince({ days }: UsagePart, from: number) {
  const first = timestamp(from).slice(0, 10)
  return days
    .filter(({ date }) => date >= first)
    .flatMap(({ users }) =>
      users.map(({ user, account, gpu_hours, run, manual }) => ({
        ...{ user: shortened(user, LONGEST_NAME), account: shortened(account, LONGEST_NAME) },
        ...{ gpuHours: gpu_hours, runs: run, manuals: manual },
      })),
    )
}

const known = (hosts: readonly { readonly part: unknown }[]): number =>
  hosts.filter(({ part }) => part !== undefined).length

const hoursOf = (users: readonly { readonly gpuHours: number }[]): number =>
  Number(users.reduce((sum, { gpuHours }) => sum + gpuHours, 0).toFixed(4))
