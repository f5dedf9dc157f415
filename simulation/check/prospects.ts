import type { UnitId } from '../../src/domain/pool/model.ts'
import type { Scheduler } from '../scheduler.ts'
import type { Machine } from '../world/machine.ts'
import type { Process } from '../world/process.ts'
import type { Checker } from './checker.ts'
import { apparentAge, type Instant } from './frame.ts'
import { sizeOf, wants } from './order.ts'
import { canSee, type Held, type Report, Violation } from './truth.ts'

/** How long the first waiter may wait although it could start. */
const MOST_MS = 8_000
/** The same behind dead or stopped waiters, which it must notice; it checks every two seconds. */
const MOST_BEHIND_OTHERS_MS = 6_000
/** A supervisor may start late, and then not reach the store. */
const MOST_LATE_MS = 90_000
const LOOK_EVERY_MS = 250

interface Prospect {
  readonly waiter: Process
  readonly since: number
}

/** The first waiter does not wait long for GPUs that are free. */
export class Prospects {
  readonly #checker: Checker
  readonly #report: Report
  readonly #prospects = new Map<Machine, Prospect>()
  #nextLook = 0

  constructor(checker: Checker, report: Report) {
    this.#checker = checker
    this.#report = report
  }

  /** After a step: at once for an event without a process, from time to time for the others. */
  look(machines: readonly Machine[], { now, wasWorldly }: Pick<Scheduler, 'now' | 'wasWorldly'>): void {
    if (now < this.#nextLook && !wasWorldly) return
    this.#nextLook = now + LOOK_EVERY_MS
    for (const machine of machines) this.#lookAt(machine, now)
  }

  #lookAt(machine: Machine, now: number): void {
    for (const held of this.#checker.truthOf(machine).held.values()) this.#lookAtLimit(held, now)
    const waiter = this.#servable(machine)
    if (waiter === null) {
      this.#prospects.delete(machine)
      return
    }
    const known = this.#prospects.get(machine)
    if (known?.waiter !== waiter) this.#prospects.set(machine, { waiter, since: now })
    else if (now - known.since > (isAtTheHead(machine, waiter) ? MOST_MS : MOST_BEHIND_OTHERS_MS)) {
      const words = `${waiter.name} stands first and is not served for ${now - known.since} ms`
      this.#report(new Violation('waiting', words))
    }
  }

  /** A run with a supervisor that was never stopped ends soon after its limit. */
  #lookAtLimit({ id, holder, intent, start, supervisor }: Held, now: number): void {
    const { term } = intent
    if (term.kind !== 'run' || term.timeout === undefined || !holder.isAlive) return
    const { after, grace } = term.timeout
    if (
      now < start.at + after + grace + MOST_LATE_MS ||
      supervisor?.state !== 'running' ||
      supervisor.wasStopped
    )
      return
    this.#report(new Violation('waiting', `${id} runs on beyond its time limit`))
  }

  /** The first live waiter that is not stopped, if all its GPUs are free and driver and store work. */
  #servable(machine: Machine): Process | null {
    const { pool, trouble } = machine.stored
    if (pool === null || pool.queue.length === 0 || !machine.isUp || machine.driver.kind !== 'fine')
      return null
    if (trouble.before + trouble.after > 0) return null
    const truth = this.#checker.truthOf(machine)
    // A dead or stopped waiter blocks no process that can see it.
    const first = pool.queue.find(({ id }) => !isOut(truth.waiting.get(id)?.process))
    const waiter = first === undefined ? undefined : truth.waiting.get(first.id)
    if (first === undefined || waiter === undefined || waiter.process.state !== 'running') return null
    const { process } = waiter
    const now = truth.now(process)
    for (const { id } of pool.queue) {
      if (id === first.id) break
      const out = truth.waiting.get(id)?.process
      if (out !== undefined && !canSee(process, out)) return null
    }
    // A call that began while the driver hung may last until its deadline, although the driver works again.
    if (process.asks !== undefined && process.asks !== 'fine') return null
    // A waiter whose clock was set by an unknown amount may expect the end of a reservation too late.
    const misjudges = machine.clockSetAt >= process.bornAt && !truth.frame.heals(process.moment())
    const taken = new Set<UnitId>()
    for (const held of truth.held.values()) {
      const isOver =
        held.intent.term.kind === 'run'
          ? !held.holder.isAlive && canSee(process, held.holder)
          : held.expiry !== undefined && isPast(held.expiry, now) && !misjudges
      if (!isOver) for (const unit of held.units) taken.add(unit)
    }
    const free = pool.units.filter(
      ({ id, device }) => wants(first.request, id) && !taken.has(id) && isTrulyIdle(machine, device.uuid),
    )
    return free.length >= sizeOf(first.request) ? process : null
  }
}

const isAtTheHead = ({ stored }: Machine, { pid }: Process): boolean =>
  stored.pool?.queue[0]?.process.pid === pid

const isOut = (process: Process | undefined): boolean =>
  process?.state === 'dead' || (process?.state === 'stopped' && !process.isFrozen)

/** Ended also in true time: an unnoticed jump ends an entry early, which no process has to notice at once. */
function isPast(instant: Instant, now: Instant): boolean {
  return apparentAge(instant, now) > 0 && now.at > instant.at
}

function isTrulyIdle(machine: Machine, uuid: string): boolean {
  return machine.devices.some((device) => device.uuid === uuid && device.isIdle)
}
