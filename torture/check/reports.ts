import type { Stamp } from '../log.ts'
import { type Command, isRead, jobStart, reserved, shown } from './command.ts'
import type { HistoryRow } from './evidence.ts'
import { by, type Violation } from './violation.ts'

interface ReportDocument {
  readonly users: readonly UserDocument[]
  readonly total: Omit<UserDocument, 'user'>
}

interface UserDocument {
  readonly user: string
  readonly gpu_hours: number
  readonly run: number
  readonly manual: number
}

interface Sums {
  readonly run: number
  readonly manual: number
  readonly hours: number
}

const HOUR_MS = 3_600_000
/** The rounding errors of hours: JSON has four digits, the table two. */
const JSON_ERROR = 0.5e-4 + 1e-9
const TABLE_ERROR = 0.5e-2 + JSON_ERROR

/**
 * For each user, a report counts every grant (a booking that has begun counts as manual) before the start of the report, and no grant after its end. The last report
 * is the sum of the whole history. The check of the records compares the history with the logs.
 */
export function checkReports(
  commands: readonly Command[],
  history: readonly HistoryRow[],
  drift: number,
): readonly Violation[] {
  const reports = commands.filter((each) => isRead(each, 'report') && each.end?.status === 0)
  const counted = reports.flatMap((report) => {
    const least = sumsByUser(commands.filter((each) => wasGrantedBefore(each, report.from)))
    const most = sumsOfRows(history.filter((row) => row.started_at <= report.to.wall + drift))
    return outOfBounds(report, least, most)
  })
  const last = reports.at(-1)
  const table = commands.findLast(
    ({ request }) => request.verb === 'report' && !request.argv.includes('--json'),
  )
  return [
    ...counted,
    ...(last === undefined ? [] : differsFromHistory(last, history)),
    ...(last === undefined || table?.end?.status !== 0 ? [] : differsFromTable(last, table)),
  ].map(by('records'))
}

function wasGrantedBefore(command: Command, at: Stamp): boolean {
  const known = jobStart(command)?.at ?? (reserved(command) === undefined ? undefined : command.to)
  return known !== undefined && known.steady < at.steady
}

function outOfBounds(
  report: Command,
  least: ReadonlyMap<string, Sums>,
  most: ReadonlyMap<string, Sums>,
): readonly string[] {
  const users = new Map(shown<ReportDocument>(report)?.users.map((user) => [user.user, user]))
  return [...new Set([...least.keys(), ...users.keys()])].flatMap((user) =>
    (['run', 'manual'] as const).flatMap((kind) => {
      const [reported, from, to] = [
        users.get(user)?.[kind] ?? 0,
        least.get(user)?.[kind] ?? 0,
        most.get(user)?.[kind] ?? 0,
      ]
      if (from <= reported && reported <= to) return []
      return [
        `${report.id} (report) at ${report.from.steady} counts ${reported} ${kind} of ${user}, not ${from} to ${to}`,
      ]
    }),
  )
}

function differsFromHistory(report: Command, history: readonly HistoryRow[]): readonly string[] {
  const document = shown<ReportDocument>(report)
  const rows = sumsOfRows(history)
  const total = [...rows.values()].reduce(plus, NOTHING)
  const reported = [...(document?.users ?? []), { user: 'TOTAL', ...(document?.total ?? NO_USE) }]
  const missing = [...rows.keys()].filter((user) => !reported.some((each) => each.user === user))
  return [
    ...missing.map((user) => `the report lacks ${user}`),
    ...reported.flatMap(({ user, gpu_hours, run, manual }) => {
      const sums = user === 'TOTAL' ? total : (rows.get(user) ?? NOTHING)
      const isSum =
        run === sums.run && manual === sums.manual && Math.abs(gpu_hours - sums.hours) <= JSON_ERROR
      return isSum
        ? []
        : [
            `the report has ${gpu_hours} h, ${run} run, ${manual} manual of ${user}, the history ${JSON.stringify(sums)}`,
          ]
    }),
  ]
}

/** Name, hours, share, run, manual. */
const LINE = /^(\S+) +(\d+\.\d\d) +\d+\.\d% +(\d+) +(\d+)$/gm

function differsFromTable(report: Command, table: Command): readonly string[] {
  const document = shown<ReportDocument>(report)
  const lines = [...(table.end?.stdout ?? '').matchAll(LINE)]
  const reported = [...(document?.users ?? []), { user: 'TOTAL', ...(document?.total ?? NO_USE) }]
  return reported.flatMap(({ user, gpu_hours, run, manual }) => {
    const [, , hours, runs, manuals] = lines.find(([, name]) => name === user) ?? []
    const isSame =
      Number(runs) === run && Number(manuals) === manual && Math.abs(Number(hours) - gpu_hours) <= TABLE_ERROR
    return isSame ? [] : [`the table of the report differs from its JSON for ${user}: ${table.end?.stdout}`]
  })
}

function sumsByUser(commands: readonly Command[]): ReadonlyMap<string, Sums> {
  const sums = new Map<string, Sums>()
  for (const { request } of commands) {
    const one = { run: request.verb === 'run' ? 1 : 0, manual: request.verb === 'run' ? 0 : 1, hours: 0 }
    sums.set(request.user, plus(sums.get(request.user) ?? NOTHING, one))
  }
  return sums
}

function sumsOfRows(history: readonly HistoryRow[]): ReadonlyMap<string, Sums> {
  const sums = new Map<string, Sums>()
  const known = new Set<string>()
  for (const { user, kind, reservation, started_at, ended_at } of history) {
    const isNew = !known.has(reservation)
    known.add(reservation)
    const one = {
      run: isNew && kind === 'run' ? 1 : 0,
      manual: isNew && kind !== 'run' ? 1 : 0,
      hours: (ended_at - started_at) / HOUR_MS,
    }
    sums.set(user, plus(sums.get(user) ?? NOTHING, one))
  }
  return sums
}

const NOTHING: Sums = { run: 0, manual: 0, hours: 0 }
const NO_USE = { gpu_hours: 0, run: 0, manual: 0 }

const plus = (a: Sums, b: Sums): Sums => ({
  run: a.run + b.run,
  manual: a.manual + b.manual,
  hours: a.hours + b.hours,
})
