import type { UnitId } from '../../src/domain/pool/model.ts'
import type { Scheduler } from '../scheduler.ts'
import type { Machine } from '../system/machine.ts'
import type { Process } from '../system/process.ts'
import { isBooked, neededBy } from './booked-times.ts'
import type { Checker } from './checker.ts'
import { apparentAge, type Instant } from './frame.ts'
import { isOverLimit } from './limits.ts'
import { sizeOf, wants } from './requests.ts'
import { canSee, type Held, type Report, Violation } from './truth.ts'

/** How long the first waiter may wait although it could start, in milliseconds. */
const MOST_MS = 8_000
/** The same for a waiter behind dead or stopped ones. It must notice them, and checks every two seconds. */
const MOST_BEHIND_OTHERS_MS = 6_000
/** How late a time limit may be enforced: a supervisor may start late, and then not reach the store. */
const MOST_LATE_MS = 90_000
const CHECK_EVERY_MS = 250
const SLACK = 3_600_000

interface PendingStart {
  readonly waiter: Process
  /** Since when it could start. */
  readonly since: number
}

/** Checks that the first waiter does not wait long for free GPUs, and that time limits are enforced. */
export class StartDelays {
  readonly #checker: Checker
  readonly #report: Report
  readonly #pending = new Map<Machine, PendingStart>()
  #nextCheck = 0

  constructor(checker: Checker, report: Report) {
    this.#checker = checker
    this.#report = report
  }

  /** Called after every step. Checks at once after an event without a process, otherwise at intervals. */
  check(machines: readonly Machine[], { now, wasExternal }: Pick<Scheduler, 'now' | 'wasExternal'>): void {
    if (now < this.#nextCheck && !wasExternal) return
    this.#nextCheck = now + CHECK_EVERY_MS
    for (const machine of machines) this.#checkMachine(machine, now)
  }

  #checkMachine(machine: Machine, now: number): void {
    for (const held of this.#checker.truthOf(machine).held.values()) this.#checkLimit(held, now)
    const waiter = this.#startableWaiter(machine)
    if (waiter === null) {
      this.#pending.delete(machine)
      return
    }
    const known = this.#pending.get(machine)
    if (known?.waiter !== waiter) this.#pending.set(machine, { waiter, since: now })
    else if (now - known.since > (isFirst(machine, waiter) ? MOST_MS : MOST_BEHIND_OTHERS_MS)) {
      const text = `${waiter.name} could start for ${now - known.since} ms and does not`
      this.#report(new Violation('waiting', text))
    }
  }

  /** A run with a supervisor that was never stopped ends soon after its limit. */
  #checkLimit({ id, holder, limit, start, supervisor }: Held, now: number): void {
    if (limit === undefined || !holder.isAlive) return
    const { after, grace } = limit
    if (
      now < start.at + after + grace + MOST_LATE_MS ||
      supervisor?.state !== 'running' ||
      supervisor.wasStopped
    )
      return
    this.#report(new Violation('waiting', `${id} runs after its time limit`))
  }

  /** The first waiter that is alive and not stopped, if its GPUs are free and driver and store work; otherwise null. */
  #startableWaiter(machine: Machine): Process | null {
    const { pool, faults } = machine.stored
    if (pool === null || pool.queue.length === 0 || !machine.isUp || machine.driver.kind !== 'working')
      return null
    if (faults.before + faults.after > 0) return null
    const truth = this.#checker.truthOf(machine)
    // A dead or stopped waiter does not block a process that can see that.
    const { bookings: _, ...unbooked } = pool
    const first = pool.queue.find(
      (entry) => !isDeadOrStopped(truth.waiting.get(entry.id)?.process) && !isOverLimit(unbooked, entry),
    )
    if (first !== undefined && isOverLimit(pool, first)) return null
    const waiter = first === undefined ? undefined : truth.waiting.get(first.id)
    if (first === undefined || waiter === undefined || waiter.process.state !== 'running') return null
    const { process } = waiter
    const now = truth.now(process)
    for (const { id } of pool.queue) {
      if (id === first.id) break
      const ahead = truth.waiting.get(id)?.process
      if (ahead !== undefined && !canSee(process, ahead)) return null
    }
    // A probe that began while the driver was faulty may last until its deadline, although the driver works again.
    if (process.probing !== undefined && process.probing !== 'working') return null
    // If a waiter cannot notice that the clock was set, it may expect the end of a reservation too late.
    const misjudges = machine.clockSetAt >= process.startedAt && !truth.frame.noticesJumps(process.moment())
    const taken = new Set<UnitId>()
    for (const held of truth.held.values()) {
      const isOver =
        held.intent.term.kind === 'run'
          ? !held.holder.isAlive && canSee(process, held.holder)
          : held.expiry !== undefined && isPast(held.expiry, now) && !misjudges
      if (!isOver) for (const unit of held.units) taken.add(unit)
    }
    // The pool has the times of its last write, so a booking may begin up to an hour earlier.
    const until = pool.writtenAt.wall + SLACK + neededBy(pool, first)
    const free = pool.units.filter(
      (unit) =>
        wants(first.request, unit) &&
        unit.drain === undefined &&
        !taken.has(unit.id) &&
        !isBooked(pool, unit.id, Number.NEGATIVE_INFINITY, until) &&
        isTrulyIdle(machine, unit.device.uuid),
    )
    return free.length >= sizeOf(first.request) ? process : null
  }
}

const isFirst = ({ stored }: Machine, { pid }: Process): boolean => stored.pool?.queue[0]?.process.pid === pid

const isDeadOrStopped = (process: Process | undefined): boolean =>
  process?.state === 'dead' || (process?.state === 'stopped' && !process.isFrozen)

/** Ended by the pool's times and in true time. An unnoticed jump ends an entry early; no waiter must notice that. */
function isPast(instant: Instant, now: Instant): boolean {
  return apparentAge(instant, now) > 0 && now.at > instant.at
}

function isTrulyIdle(machine: Machine, uuid: string): boolean {
  return machine.devices.some((device) => device.uuid === uuid && device.isIdle)
}
