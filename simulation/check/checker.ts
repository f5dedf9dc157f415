import type { CanhazgpuError } from '../../src/domain/errors.ts'
import type { UsageReport } from '../../src/domain/ledger/report.ts'
import type { Overview } from '../../src/domain/observation/status.ts'
import type { Grant } from '../../src/domain/operation/intent.ts'
import type { Moment, Pool, UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import type { QueueOverview } from '../../src/domain/schedule/queue-places.ts'
import type { Machine } from '../system/machine.ts'
import type { Process } from '../system/process.ts'
import type { Purpose } from '../system/purpose.ts'
import type { Auditor, Commit } from '../system/stored-pool.ts'
import { auditBookings, auditDue } from './bookings.ts'
import { auditDrains } from './drains.ts'
import { endedEntry } from './ended.ts'
import { auditEnds, reservationIn } from './ends.ts'
import { auditGrant } from './grants.ts'
import { auditExtension } from './order.ts'
import {
  auditForecasts,
  auditReport,
  auditStatus,
  type ExpectedReport,
  expectedReport,
  noteLate,
} from './outputs.ts'
import { auditQueue } from './queue.ts'
import { auditRefusal } from './refusals.ts'
import { auditStay } from './stays.ts'
import { type Audit, type Held, type Report, Truth, Violation } from './truth.ts'

/** These need not leave a pool in which all ended entries have gone. */
const WITHOUT_CHANGES: readonly Purpose['kind'][] = [
  ...(['supervise', 'set-up', 'view'] as const),
  ...(['publish', 'look', 'call', 'serve', 'forecast'] as const),
]

/** A store that compares and sets may commit a decision this much later than it was made. */
const REPORT_SLACK = 1_200

/** Checks every commit and every output against the true state. */
export class Checker implements Auditor {
  readonly #truth = new Map<Machine, Truth>()
  readonly #report: Report
  readonly #expected = new Map<Process, ExpectedReport>()
  /** Called after each commit was checked. */
  readonly onCommit: ((commit: Commit) => void)[] = []

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
    const report = (rule: Violation['rule'], text: () => string) =>
      this.#report(new Violation(rule, `${commit.machine.name}: ${text()} (by ${commit.process.name})`))
    const audit: Audit = { ...commit, truth, now, beatNow, report }
    auditHolders(audit)
    auditDrains(audit)
    auditEnds(audit)
    auditBookings(audit)
    auditExtension(audit)
    for (const held of truth.held.values()) {
      const reservation = reservationIn(audit, held.id)
      if (reservation !== undefined) auditStay(audit, held, reservation)
    }
    auditQueue(audit)
    for (const reservation of commit.after.reservations) {
      if (truth.held.has(reservation.id)) continue
      auditGrant(audit, reservation)
      for (const [{ machine }, expected] of this.#expected) {
        if (machine === commit.machine) noteLate(expected, reservation)
      }
    }
    truth.written(commit.process, commit.moment, audit)
    logCommit(audit)
    for (const callback of this.onCommit) callback(commit)
  }

  loaded(process: Process, _pool: Pool, moment: Moment): void {
    const { purpose, machine } = process
    if (purpose.kind !== 'view' || purpose.name !== 'report') return
    this.#expected.set(process, expectedReport(this.truthOf(machine), process, moment.wall))
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

  /** The device variables of a grant: their numbers or names must select the granted GPUs. */
  granted(process: Process, { reservation, devices }: Grant): void {
    const uuids = this.uuidsOf(reservation.id)
    const selected = devices.map((device) => {
      if (!/^\d+$/.test(device)) return device
      return process.lastProbe?.readings.find((reading) => reading.index === Number(device))?.uuid
    })
    if (
      selected.length !== uuids.length ||
      selected.some((uuid) => uuid === undefined || !uuids.includes(uuid))
    ) {
      this.#report(
        new Violation('I1', `${uuids.join()} were granted, the variables select ${devices.join()}`),
      )
    }
  }

  /** I2, I7 and I8 when a command has ended, with or without success. */
  finished(process: Process, error: CanhazgpuError | null): void {
    const { purpose, machine } = process
    const { pool } = machine.stored
    const truth = this.truthOf(machine)
    if (error?.code === 'board-unavailable')
      this.#report(new Violation('board', `${purpose.kind} of ${process.name} fails: ${error.message}`))
    if (purpose.kind === 'supervise') auditSupervisorEnd(truth, process, purpose.reservation, this.#report)
    if (pool === null || WITHOUT_CHANGES.includes(purpose.kind)) return
    if (purpose.kind === 'acquire') auditRefusal({ process, purpose, error }, this.#report)
    const hasSettled = error === null || error.code === 'not-enough-gpus'
    if (!hasSettled || (purpose.kind === 'acquire' && purpose.waits)) return
    const ended = endedEntry(truth, pool, process)
    if (ended !== null)
      this.#report(
        new Violation('I7', `${ended}, but is still in the pool after ${purpose.kind} of ${process.name}`),
      )
  }

  checkStatus(process: Process, overview: Overview): void {
    const truth = this.truthOf(process.machine)
    auditStatus(truth, process, overview, this.#report)
    auditDue(truth, process, overview, this.#report)
  }

  checkQueue(process: Process, overview: QueueOverview): void {
    const { pool } = process.machine.stored
    if (pool === null) return
    const shown = {
      ...pool,
      reservations: [],
      bookings: [],
      queue: overview.places.map(({ entry }) => entry),
    }
    const ended = endedEntry(this.truthOf(process.machine), shown, process)
    if (ended !== null) this.#report(new Violation('I7', `queue shows an ended entry: ${ended}`))
    auditForecasts(pool, process, overview, this.#report)
  }

  #known(reservation: string): Held | undefined {
    for (const truth of this.#truth.values()) {
      const held = truth.known.get(reservation)
      if (held !== undefined) return held
    }
    return undefined
  }

  checkReport(process: Process, usage: UsageReport): void {
    const { machine } = process
    const expected = this.#expected.get(process)
    this.#expected.delete(process)
    if (expected === undefined || machine.clockSetAt >= process.startedAt) return
    const truth = this.truthOf(machine)
    auditReport(expected, usage, truth.frame.isExact ? REPORT_SLACK : 60_000, this.#report)
  }
}

/** I6: a supervisor ends after its command has ended or lost its reservation, never before. */
function auditSupervisorEnd(truth: Truth, supervisor: Process, reservation: string, report: Report): void {
  const held = truth.held.get(reservation)
  if (held?.holder.isAlive === true) {
    report(
      new Violation('I6', `supervisor ${supervisor.name} of ${reservation} ended while its command runs`),
    )
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

function logCommit({ machine, process, after, ended }: Audit): void {
  machine.trace.add(machine.scheduler.now, () => {
    const held = after.reservations.map((each) => `${each.id}:${unitsOf(each).join('+')}`).join(' ')
    const queue = after.queue
      .map(({ id, startableSince }) => `${id}${startableSince === undefined ? '' : '*'}`)
      .join(' ')
    const ends = ended.map(({ reservation, unit, outcome }) => `${reservation}:${unit} ${outcome}`).join(', ')
    return `${process.name} commits held [${held}] queue [${queue}]${ends === '' ? '' : ` ended [${ends}]`}`
  })
}
