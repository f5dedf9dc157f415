import type { CanhazgpuError } from '../../src/domain/errors.ts'
import type { UsageReport } from '../../src/domain/ledger/report.ts'
import type { Overview } from '../../src/domain/observation/status.ts'
import type { Grant } from '../../src/domain/operation/intent.ts'
import type { Moment, Pool, UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import type { QueueOverview } from '../../src/domain/schedule/queue-places.ts'
import type { Machine } from '../world/machine.ts'
import type { Process } from '../world/process.ts'
import type { Auditor, Commit } from '../world/stored-pool.ts'
import { auditEnds, reservationIn } from './ends.ts'
import { overSince } from './gone.ts'
import { auditGrant } from './grants.ts'
import { auditExtension } from './order.ts'
import { auditQueue } from './queue.ts'
import { auditRefusal } from './refusals.ts'
import { auditProspects, auditReport, auditStatus, type Sums, trueUsage } from './sightings.ts'
import { auditStay } from './stays.ts'
import { type Audit, type Held, type Report, Truth, Violation } from './truth.ts'

/** A decision may be committed this much later than it was made, by a store that compares and sets. */
const REPORT_SLACK = 1_200

/** Checks every commit and every output against the true state. */
export class Checker implements Auditor {
  readonly #truth = new Map<Machine, Truth>()
  readonly #report: Report
  readonly #expected = new Map<Process, Sums>()

  constructor(report: Report) {
    this.#report = report
  }

  truthOf(machine: Machine): Truth {
    const known = this.#truth.get(machine)
    if (known !== undefined) return known
    const fresh = new Truth(machine)
    this.#truth.set(machine, fresh)
    return fresh
  }

  committed(commit: Commit): void {
    const truth = this.truthOf(commit.machine)
    const trueAt = commit.machine.trueTime(commit.moment)
    const now = truth.frame.now(commit.moment, trueAt)
    const beatNow = truth.beatFrame.now(commit.moment, trueAt)
    const report = (broken: Violation['broken'], words: () => string) =>
      this.#report(new Violation(broken, `${commit.machine.name}: ${words()} (by ${commit.process.name})`))
    const audit: Audit = { ...commit, truth, now, beatNow, report }
    auditHolders(audit)
    auditEnds(audit)
    auditExtension(audit)
    for (const held of truth.held.values()) {
      const reservation = reservationIn(audit, held.id)
      if (reservation !== undefined) auditStay(audit, held, reservation)
    }
    auditQueue(audit)
    for (const reservation of commit.after.reservations) {
      if (!truth.held.has(reservation.id)) auditGrant(audit, reservation)
    }
    truth.written(commit.process, commit.moment, audit)
    sayCommit(audit)
  }

  looked(process: Process, _pool: Pool, moment: Moment): void {
    const { purpose, machine } = process
    if (purpose.kind !== 'look' || purpose.at !== 'report') return
    this.#expected.set(process, trueUsage(this.truthOf(machine), process, moment.wall))
  }

  supervised(reservation: string, supervisor: Process): void {
    const held = this.truthOf(supervisor.machine).known.get(reservation)
    if (held !== undefined) held.supervisor = supervisor
  }

  uuidsOf(reservation: string): readonly string[] {
    return this.#known(reservation)?.uuids ?? []
  }

  holderOf(reservation: string): Process | undefined {
    return this.#known(reservation)?.holder
  }

  /** The device variables of a grant: the numbers or names must mean the granted GPUs. */
  granted(process: Process, { reservation, devices }: Grant): void {
    const uuids = this.uuidsOf(reservation.id)
    const meant = devices.map((device) => {
      if (!/^\d+$/.test(device)) return device
      return process.shown?.readings.find((reading) => reading.index === Number(device))?.uuid
    })
    if (meant.length !== uuids.length || meant.some((uuid) => uuid === undefined || !uuids.includes(uuid))) {
      this.#report(new Violation('I1', `granted ${uuids.join()}, the command got ${devices.join()}`))
    }
  }

  /** I2, I7 and I8 when a command has ended, with or without success. */
  finished(process: Process, error: CanhazgpuError | null): void {
    const { purpose, machine } = process
    const { pool } = machine.stored
    const truth = this.truthOf(machine)
    if (purpose.kind === 'supervise') auditDeparture(truth, process, purpose.reservation, this.#report)
    if (pool === null || ['supervise', 'set-up', 'look'].includes(purpose.kind)) return
    if (purpose.kind === 'acquire') auditRefusal({ process, purpose, error }, this.#report)
    const hasSettled = error === null || error.code === 'not-enough-gpus'
    if (!hasSettled || (purpose.kind === 'acquire' && purpose.waits)) return
    const over = overSince(truth, pool, process)
    if (over !== null)
      this.#report(new Violation('I7', `${over} and is left after ${purpose.kind} of ${process.name}`))
  }

  sawStatus(process: Process, seen: Overview): void {
    auditStatus(this.truthOf(process.machine), process, seen, this.#report)
  }

  sawQueue(process: Process, seen: QueueOverview): void {
    const { pool } = process.machine.stored
    if (pool === null) return
    const shown = { ...pool, reservations: [], queue: seen.places.map((place) => place.entry) }
    const over = overSince(this.truthOf(process.machine), shown, process)
    if (over !== null) this.#report(new Violation('I7', `queue shows an ended entry: ${over}`))
    auditProspects(pool, process, seen, this.#report)
  }

  #known(reservation: string): Held | undefined {
    for (const truth of this.#truth.values()) {
      const held = truth.known.get(reservation)
      if (held !== undefined) return held
    }
    return undefined
  }

  sawReport(process: Process, seen: UsageReport): void {
    const { machine } = process
    const expected = this.#expected.get(process)
    this.#expected.delete(process)
    if (expected === undefined || machine.clockSetAt >= process.bornAt) return
    const truth = this.truthOf(machine)
    auditReport(expected, seen, truth.frame.isExact ? REPORT_SLACK : 60_000, this.#report)
  }
}

/** I6: a supervisor leaves when its command has ended or lost its reservation, never before. */
function auditDeparture(truth: Truth, supervisor: Process, reservation: string, report: Report): void {
  const held = truth.held.get(reservation)
  if (held?.holder.isAlive === true) {
    report(new Violation('I6', `${supervisor.name} left ${reservation} while its command runs`))
  }
}

/** I1, and the form of reservations. */
function auditHolders({ after, report }: Audit): void {
  const taken = new Set<UnitId>()
  const places = new Map(after.units.map((unit, place) => [unit.id, place]))
  for (const reservation of after.reservations) {
    const { id } = reservation
    const units = unitsOf(reservation)
    let last = -1
    for (const unit of units) {
      if (taken.has(unit))
        report('I1', () => `GPU ${unit} has two holders: ${JSON.stringify(after.reservations)}`)
      const place = places.get(unit)
      if (place === undefined || place <= last) report('I2', () => `${id} holds ${units.join()}`)
      taken.add(unit)
      last = place ?? last
    }
    if (units.length === 0) report('I2', () => `${id} holds nothing`)
  }
}

function sayCommit({ machine, process, after, ended }: Audit): void {
  machine.trace.say(machine.scheduler.now, () => {
    const held = after.reservations.map((each) => `${each.id}:${unitsOf(each).join('+')}`).join(' ')
    const line = after.queue
      .map(({ id, startableSince }) => `${id}${startableSince === undefined ? '' : '*'}`)
      .join(' ')
    const over = ended.map(({ reservation, unit, outcome }) => `${reservation}:${unit} ${outcome}`).join(', ')
    return `${process.name} commits held [${held}] queue [${line}]${over === '' ? '' : ` ended [${over}]`}`
  })
}
