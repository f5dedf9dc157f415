import type { UsageReport } from '../../domain/ledger/report.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { printable } from '../../domain/text/text.ts'
import { reportDocument } from '../../views/documents/report-document.ts'
import { command } from '../command.ts'
import type { OfHosts } from '../fleet/shown.ts'
import { allHosts } from '../fleet/which.ts'
import { wholeNumber } from '../options/kinds.ts'
import { option } from '../options/option.ts'

const MOST_DAYS = 3650

export const report = command({
  examples: ['canhazgpu report', 'canhazgpu report --all', 'canhazgpu report --days 7'],
  options: [
    option('-d, --days <num>', 'Number of days to include in the report (default: 30)', {
      kind: wholeNumber(1, MOST_DAYS),
      default: 30,
    }),
    allHosts,
  ],
  handle: async ({ days, all }, context): Promise<Shown> => {
    if (all !== true) {
      return (await context.pool()).usage({ kind: 'report', days })
    }
    const { reportOfHosts } = await import('../fleet/report-of-hosts.ts')
    return { of: 'hosts', ...(await reportOfHosts(days, context, reportLines)) }
  },
  text: (shown, display) =>
    shown.of === 'hosts'
      ? shown.text(display)
      : {
          stdout: `${reportLines(shown).join('\n')}\n`,
          ...(shown.sumsUntil === undefined ? {} : { stderr: sumsWords(shown.sumsUntil) }),
        },
  json: (shown) => (shown.of === 'hosts' ? shown.json() : reportDocument(shown)),
  failure: (shown) => (shown.of === 'hosts' ? shown.failure : undefined),
})

type Shown = ({ readonly of?: never } & UsageReport) | ({ readonly of: 'hosts' } & OfHosts)

function reportLines({ range, days, users, total }: UsageReport): readonly string[] {
  const width = Math.max(20, ...users.map((user) => Bun.stringWidth(printable(user.user))))
  const rule = '-'.repeat(width + 55)
  return [
    '=== GPU Reservation Report ===',
    `Period: ${firstDay(range.to, days)} to ${localDay(new Date(range.to))} (${days} ${days === 1 ? 'day' : 'days'})`,
    '',
    columns('User', ['GPU Hours', '     Percentage', 'Run', 'Manual'], width),
    rule,
    ...users.map((user) => columns(printable(user.user), cells(user), width)),
    rule,
    columns('TOTAL', cells(total), width),
    '',
    `Total reservations: ${total.runs + total.manuals}`,
    `Unique users: ${users.length}`,
  ]
}

/** What the report does not know of older usage. */
const sumsWords = (until: Millis): string =>
  `Before ${new Date(until).toISOString().slice(0, 10)} only the sums of each day (UTC) are kept: a reservation counts on the day on which it ended\n`

const COLUMN_WIDTHS = [15, 14, 10, 10]

function columns(name: string, values: readonly string[], nameWidth: number): string {
  const padded = values.map((value, index) => value.padStart(COLUMN_WIDTHS[index] ?? 0))
  return [name + ' '.repeat(nameWidth - Bun.stringWidth(name)), ...padded].join(' ')
}

function cells(usage: UsageReport['total']): readonly string[] {
  return [
    usage.gpuHours.toFixed(2),
    `${usage.percentage.toFixed(1)}%`,
    String(usage.runs),
    String(usage.manuals),
  ]
}

/** Counts calendar days: subtracting 24 hours per day may miss a day when clocks change. */
function firstDay(now: Millis, days: number): string {
  const date = new Date(now)
  date.setDate(date.getDate() - days)
  return localDay(date)
}

function localDay(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
