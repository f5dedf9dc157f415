import type { UnitId } from '../../src/domain/pool/model.ts'
import type { Scheduler } from '../scheduler.ts'
import type { Machine } from '../world/machine.ts'
import type { Process } from '../world/process.ts'
import { canSee, type Held, type Report, Violation } from './books.ts'
import type { Checker } from './checker.ts'
import { apparentAge, type Instant } from './frame.ts'
import { sizeOf, wants } from './order.ts'

/** How long the first who could be served may truly wait for it. */
const MOST_MS = 8_000
/** The same behind waiters that are dead or stopped, which it must see; it looks every two seconds. */
const MOST_BEHIND_OTHERS_MS = 6_000
/** A supervisor may take its time to start, and then not reach the store. */
const MOST_LATE_MS = 90_000
const LOOK_EVERY_MS = 250

interface Prospect {
  readonly waiter: Process
  readonly since: number
}

/** Nobody who stands first waits long for what is truly there. */
export class Prospects {
  readonly #checker: Checker
  readonly #report: Report
  readonly #prospects = new Map<Machine, Prospect>()
  #nextLook = 0

  constructor(checker: Checker, report: Report) {
    this.#checker = checker
    this.#report = report
  }

  /** After a step; what happens to the world is looked at at once, everything else now and then. */
  look(machines: readonly Machine[], { now, wasWorldly }: Pick<Scheduler, 'now' | 'wasWorldly'>): void {
    if (now < this.#nextLook && !wasWorldly) return
    this.#nextLook = now + LOOK_EVERY_MS
    for (const machine of machines) this.#lookAt(machine, now)
  }

  #lookAt(machine: Machine, now: number): void {
    for (const held of this.#checker.booksOf(machine).held.values()) this.#lookAtLimit(held, now)
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

  /** Whose supervisor lives and was never stopped is gone soon after its time is over. */
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

  /** The first in the queue that lives and is not stopped, where all it wants is truly free and everything around it works. */
  #servable(machine: Machine): Process | null {
    const { pool, trouble } = machine.stored
    if (pool === null || pool.queue.length === 0 || !machine.isUp || machine.mood.kind !== 'fine') return null
    if (trouble.before + trouble.after > 0) return null
    const books = this.#checker.booksOf(machine)
    // Who is dead or stopped holds up nobody who can see it.
    const first = pool.queue.find(({ id }) => !isOut(books.waiting.get(id)?.process))
    const waiter = first === undefined ? undefined : books.waiting.get(first.id)
    if (first === undefined || waiter === undefined || waiter.process.state !== 'running') return null
    const { process } = waiter
    const now = books.now(process)
    for (const { id } of pool.queue) {
      if (id === first.id) break
      const out = books.waiting.get(id)?.process
      if (out !== undefined && !canSee(process, out)) return null
    }
    // A call begun while the driver hangs may last until its deadline, although the driver is well by then.
    if (process.asks !== undefined && process.asks !== 'fine') return null
    // A waiter whose clock was set, and that cannot tell by how much, may expect the end of a reservation too late.
    const misjudges = machine.clockSetAt >= process.bornAt && !books.frame.heals(process.moment())
    const taken = new Set<UnitId>()
    for (const held of books.held.values()) {
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

/** In truth too: a jump that was not healed ends something early, which nobody has to notice at once. */
function isPast(instant: Instant, now: Instant): boolean {
  return apparentAge(instant, now) > 0 && now.at > instant.at
}

function isTrulyIdle(machine: Machine, uuid: string): boolean {
  return machine.devices.some((device) => device.uuid === uuid && device.isIdle)
}
