import type { UsageReport } from '../../src/domain/ledger/report.ts'
import type { Overview } from '../../src/domain/observation/status.ts'
import type { Owner, Pool } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import type { QueueOverview } from '../../src/domain/schedule/queue-places.ts'
import type { Process } from '../world/process.ts'
import { apparentAge } from './frame.ts'
import { overSince } from './gone.ts'
import { looksFree } from './looks.ts'
import { sizeOf, wants } from './order.ts'
import type { Report, Truth } from './truth.ts'
import { sightOf, Violation } from './truth.ts'

const STALE = 15 * 60_000
const HOUR = 3_600_000
const RANGE = 3650 * 24 * HOUR

/** I3 and I7 in what `status` shows. */
export function auditStatus(truth: Truth, process: Process, seen: Overview, report: Report): void {
  const over = overSince(truth, seen.pool, process)
  if (over !== null) report(new Violation('I7', `status shows an ended entry: ${over}`))
  const held = new Set(seen.pool.reservations.flatMap(unitsOf))
  for (const status of seen.gpus) {
    const { id } = status.unit
    if ((status.kind === 'reserved') !== held.has(id)) {
      report(new Violation('I1', `status shows GPU ${id} ${status.kind}`))
    }
    const shown = seen.driverFailure === undefined ? process.shown : undefined
    if (status.kind === 'available' && !looksFree(seen.pool, id, shown)) {
      report(new Violation('I3', `status shows GPU ${id} available, which was not seen to be idle`))
    }
  }
}

/** I3 in `queue`: no waiter is shown to start now with GPUs that were not seen to be idle. */
export function auditProspects(pool: Pool, process: Process, seen: QueueOverview, report: Report): void {
  const shown = seen.driverFailure === undefined ? process.shown : undefined
  for (const { entry, reason, forecast } of seen.places) {
    const startsNow = forecast.kind === 'at' && forecast.at <= seen.now
    if (reason.kind !== 'next' && !startsNow) continue
    const idle = pool.units.filter(({ id }) => wants(entry.request, id) && looksFree(pool, id, shown))
    if (idle.length >= sizeOf(entry.request)) continue
    report(
      new Violation('I3', `queue shows that ${entry.id} starts now: ${JSON.stringify([reason, forecast])}`),
    )
  }
}

/** The true use of each user: milliseconds times GPUs, and the reservations. */
export type Sums = ReadonlyMap<string, { ms: number; readonly reservations: Set<string> }>

/** I4: the right report at this moment. */
export function trueUsage(truth: Truth, process: Process, wall: number): Sums {
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
    if (to >= from) add(shown(record.owner), record.reservation, to - from)
  }
  const now = truth.now(process)
  for (const held of truth.held.values()) {
    const { term, owner } = held.intent
    const beatAge = Math.max(0, apparentAge(held.beat, truth.beatNow(process)))
    const lastBeat = { at: now.at - beatAge, drift: now.drift }
    const rebooted = truth.isKnownRebooted(held.id, held.holder, process)
    const isStale = sightOf(process, held.holder) === 'unknown' && beatAge > STALE
    const isExpired = held.expiry !== undefined && apparentAge(held.expiry, now) >= 0
    const end =
      isExpired && held.expiry ? held.expiry : term.kind === 'run' && (rebooted || isStale) ? lastBeat : now
    add(shown(owner), held.id, held.units.length * Math.max(0, apparentAge(held.start, end)))
  }
  return sums
}

export function auditReport(expected: Sums, seen: UsageReport, slack: number, report: Report): void {
  const reported = new Map(seen.users.map((user) => [user.user, user]))
  for (const name of new Set([...expected.keys(), ...reported.keys()])) {
    const user = reported.get(name)
    const held = expected.get(name)
    const difference = (user?.gpuHours ?? 0) * HOUR - (held?.ms ?? 0)
    const more = (user?.runs ?? 0) + (user?.manuals ?? 0) - (held?.reservations.size ?? 0)
    if (Math.abs(difference) > slack || more !== 0) {
      report(
        new Violation(
          'I4',
          `the report is off by ${difference} ms and ${more} reservations for ${name}: ${JSON.stringify(seen.users)}`,
        ),
      )
    }
  }
}

function shown({ account, shownName }: Owner): string {
  return shownName === account.name ? shownName : `${shownName} (${account.name})`
}
