import type { UsageReport } from '../../src/domain/ledger/report.ts'
import type { Overview } from '../../src/domain/observation/status.ts'
import type { Owner, Pool, Reservation } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import type { QueueOverview } from '../../src/domain/schedule/queue-places.ts'
import type { Process } from '../system/process.ts'
import { endedEntry } from './ended.ts'
import { apparentAge } from './frame.ts'
import { sizeOf, wants } from './requests.ts'
import { isShownFree } from './shown.ts'
import type { Report, Truth } from './truth.ts'
import { livenessFor, Violation } from './truth.ts'

const STALE = 15 * 60_000
const HOUR = 3_600_000
const RANGE = 3650 * 24 * HOUR

/** I1, I3 and I7 in the output of `status`. */
export function auditStatus(truth: Truth, process: Process, overview: Overview, report: Report): void {
  const ended = endedEntry(truth, overview.pool, process)
  if (ended !== null) report(new Violation('I7', `status shows an ended entry: ${ended}`))
  const held = new Set(overview.pool.reservations.flatMap(unitsOf))
  for (const status of overview.gpus) {
    const { id } = status.unit
    if ((status.kind === 'reserved') !== held.has(id)) {
      report(new Violation('I1', `status shows GPU ${id} ${status.kind}`))
    }
    const probe = overview.driverFailure === undefined ? process.lastProbe : undefined
    if (status.kind === 'available' && !isShownFree(overview.pool, id, probe)) {
      report(new Violation('I3', `status shows GPU ${id} available, which no probe showed idle`))
    }
  }
}

/** I3 in the output of `queue`: a waiter that starts now has enough GPUs that the probe showed idle. */
export function auditForecasts(pool: Pool, process: Process, overview: QueueOverview, report: Report): void {
  const probe = overview.driverFailure === undefined ? process.lastProbe : undefined
  for (const { entry, reason, forecast } of overview.places) {
    const startsNow = forecast.kind === 'at' && forecast.at <= overview.now
    if (reason.kind !== 'next' && !startsNow) continue
    const idle = pool.units.filter((unit) => wants(entry.request, unit) && isShownFree(pool, unit.id, probe))
    if (idle.length >= sizeOf(entry.request)) continue
    report(
      new Violation('I3', `queue shows that ${entry.id} starts now: ${JSON.stringify([reason, forecast])}`),
    )
  }
}

/** The true usage of each user: milliseconds times GPUs, and the reservations. */
export type Sums = ReadonlyMap<string, { ms: number; readonly reservations: Set<string> }>

/** What a report must show. */
export interface ExpectedReport {
  readonly sums: Sums
  /** The wall clock when its process read the pool. */
  readonly wall: number
  /** The users of reservations that were decided before that, and committed after it: a report may show them or not. */
  readonly late: string[]
}

/** The expected report of a process that reads the pool now. */
export function expectedReport(truth: Truth, process: Process, wall: number): ExpectedReport {
  return { sums: trueUsage(truth, process, wall), wall, late: [] }
}

/** Notes a reservation that was committed while a process makes a report. */
export function noteLate({ wall, late }: ExpectedReport, { startedAt, owner }: Reservation): void {
  if (startedAt <= wall) late.push(labelOf(owner))
}

function trueUsage(truth: Truth, process: Process, wall: number): Sums {
  const sums = new Map<string, { ms: number; readonly reservations: Set<string> }>()
  const add = (name: string, reservation: string, ms: number) => {
    const sum = sums.get(name) ?? { ms: 0, reservations: new Set() }
    sum.ms += ms
    sum.reservations.add(reservation)
    sums.set(name, sum)
  }
  for (const record of truth.records) {
    const from = Math.max(record.startedAt, wall - RANGE)
    const to = Math.min(record.endedAt, wall)
    if (to >= from) add(labelOf(record.owner), record.reservation, to - from)
  }
  const now = truth.now(process)
  for (const held of truth.held.values()) {
    const { term, owner } = held.intent
    const beatAge = Math.max(0, apparentAge(held.beat, truth.beatNow(process)))
    const lastBeat = { at: now.at - beatAge, drift: now.drift }
    const rebooted = truth.isKnownRebooted(held.id, held.holder, process)
    const isStale = livenessFor(process, held.holder) === 'unknown' && beatAge > STALE
    const isExpired = held.expiry !== undefined && apparentAge(held.expiry, now) >= 0
    const end =
      isExpired && held.expiry ? held.expiry : term.kind === 'run' && (rebooted || isStale) ? lastBeat : now
    add(labelOf(owner), held.id, held.units.length * Math.max(0, apparentAge(held.start, end)))
  }
  return sums
}

/** I4: the report shows the true usage. */
export function auditReport(
  expected: ExpectedReport,
  usage: UsageReport,
  slack: number,
  report: Report,
): void {
  const reported = new Map(usage.users.map((user) => [user.user, user]))
  const { sums, late } = expected
  for (const name of new Set([...sums.keys(), ...reported.keys()])) {
    const user = reported.get(name)
    const held = sums.get(name)
    const difference = (user?.gpuHours ?? 0) * HOUR - (held?.ms ?? 0)
    const more = (user?.runs ?? 0) + (user?.manuals ?? 0) - (held?.reservations.size ?? 0)
    const mostMore = late.filter((each) => each === name).length
    if (Math.abs(difference) > slack || more < 0 || more > mostMore) {
      report(
        new Violation(
          'I4',
          `the report is off by ${difference} ms and ${more} reservations for ${name}: ${JSON.stringify(usage.users)}`,
        ),
      )
    }
  }
}

function labelOf({ account, shownName }: Owner): string {
  return shownName === account.name ? shownName : `${shownName} (${account.name})`
}
